package load

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds the answer that a connection keeps, in bytes.
const maxBody = 64 << 20

// Conn is a connection for one request at a time. One goroutine uses it.
type Conn struct {
	net.Conn
	in   *bufio.Reader
	body []byte
	used time.Time // when it was opened, or had its last answer
}

// Dial connects to HOST:PORT, by TLS where there is a configuration.
func Dial(ctx context.Context, address string, config *tls.Config) (*Conn, error) {
	var dialer net.Dialer
	c, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if config != nil {
		secured := tls.Client(c, config)
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, c.Close())
		}
		c = secured
	}
	return &Conn{Conn: c, in: bufio.NewReaderSize(c, 16<<10), used: time.Now()}, nil
}

// DialAll opens so many connections, or none. They are closed when the context ends, so that nobody waits for an answer longer than that.
func DialAll(ctx context.Context, n int, address string, config *tls.Config) ([]*Conn, error) {
	all := make([]*Conn, 0, n)
	for range n {
		c, err := Dial(ctx, address, config)
		if err != nil {
			Close(all)
			return nil, err
		}
		all = append(all, c)
	}
	context.AfterFunc(ctx, func() { Close(all) })
	return all, nil
}

// Close closes connections; one that is closed already is none the worse.
func Close(all []*Conn) {
	for _, c := range all {
		if c != nil {
			_ = c.Close() // nothing is lost with it
		}
	}
}

// Request is a request as it goes over the wire. Headers are whole lines without their ends.
func Request(method, path string, body []byte, headers ...string) []byte {
	var extra strings.Builder
	for _, header := range headers {
		extra.WriteString(header + "\r\n")
	}
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: checky\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n%s",
		method, path, len(body), extra.String(), body)
}

// Exchange sends a request and reads its answer. The body is good until the next.
func (c *Conn) Exchange(request []byte) (status int, body []byte, err error) {
	if _, err := c.Write(request); err != nil {
		return 0, nil, err
	}
	if status, err = c.status(); err != nil {
		return 0, nil, err
	}
	length, chunked := 0, false
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		if len(line) <= len("\r\n") {
			break
		}
		if value, is := bytes.CutPrefix(line, []byte("Content-Length: ")); is {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || length < 0 || length > maxBody {
				return 0, nil, errors.New("an answer whose Content-Length cannot be")
			}
		}
		chunked = chunked || bytes.HasPrefix(line, []byte("Transfer-Encoding: chunked"))
	}
	c.used = time.Now()
	if !chunked {
		c.body = slices.Grow(c.body[:0], length)[:length]
		_, err = io.ReadFull(c.in, c.body)
		return status, c.body, err
	}
	return status, c.body, c.readChunks()
}

// status reads the status line.
func (c *Conn) status() (status int, err error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if len(line) < len("HTTP/1.1 200") {
		return 0, errors.New("an answer without a status line")
	}
	return strconv.Atoi(string(line[len("HTTP/1.1 "):][:3]))
}

func (c *Conn) readChunks() (err error) {
	buffer := bytes.NewBuffer(c.body[:0])
	if _, err = buffer.ReadFrom(io.LimitReader(httputil.NewChunkedReader(c.in), maxBody)); err == nil {
		_, err = c.in.ReadSlice('\n') // what ends the trailer
	}
	c.body = buffer.Bytes()
	return err
}
