package driver

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/checky-dev/checky/test/chaos/history"
)

// follow follows a check by server-sent events until the stream ends, and asks the same replica then what it says of the check.
func (d *Driver) follow(ctx context.Context, by user, o *order, id string) {
	via := d.replicas[int(d.calls.Add(1))%len(d.replicas)]
	call := history.Call{Kind: history.Events, Client: by.email, Via: via, Begin: d.o.History.Now(), Token: by.tokenID, Name: id, Order: o.id}
	if err := d.stream(ctx, by, &call); err != nil {
		call.Why = brief(err)
		if call.Answer == "" {
			call.Answer = history.None
		}
	}
	d.tell(call)
	d.send(ctx, request{
		kind: history.Status, method: http.MethodGet, path: "/v1/status/" + id, via: via, by: by,
		about: func(c *history.Call) { c.Name, c.Order, c.Key = id, o.id, o.id },
		read: func(c *history.Call, text []byte) {
			var r result
			if json.Unmarshal(text, &r) == nil {
				c.Status = r.Status
			}
		},
	})
}

// stream reads one stream to its end, or for as long as one has patience.
func (d *Driver) stream(ctx context.Context, by user, call *history.Call) error {
	ctx, cancel := context.WithTimeout(ctx, streamTimeout)
	defer cancel()
	sent, err := http.NewRequestWithContext(ctx, http.MethodGet, d.o.Facades[call.Via]+"/v1/status/"+call.Name+"/events", http.NoBody)
	if err != nil {
		return err
	}
	sent.Header.Set("Authorization", "Bearer "+by.token)
	answer, err := d.streams.Do(sent)
	if err != nil {
		return err
	}
	defer answer.Body.Close() //nolint:errcheck // what matters of it is read
	call.Answer = strconv.Itoa(answer.StatusCode)
	if answer.StatusCode != http.StatusOK {
		return nil
	}
	call.Stream, err = streamEvents(io.LimitReader(answer.Body, maxAnswer))
	call.Ended = err == nil
	return err
}

// streamEvents reads server-sent events (HTML Standard, section 9.2) as far as the facade writes them: event, id, data, a line each.
func streamEvents(from io.Reader) ([]history.StreamEvent, error) {
	var events []history.StreamEvent
	var kind, id, data string
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, maxAnswer)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case field == "event":
			kind = value
		case field == "id":
			id = value
		case field == "data":
			data += value
		case lines.Text() == "" && kind != "":
			event := history.StreamEvent{Version: id, Status: kind}
			if kind == "result" {
				var r result
				if err := json.Unmarshal([]byte(data), &r); err != nil {
					return events, err
				}
				event.Status = r.Status
			}
			events, kind, data = append(events, event), "", ""
		}
	}
	return events, lines.Err()
}
