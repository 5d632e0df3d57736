package cluster

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// password is long enough for every account.
const password = "nine brown foxes jump over"

// SignIn makes an account at a facade, and returns a token of its.
func SignIn(ctx context.Context, c *http.Client, url, email string) (token string, err error) {
	credentials, err := json.Marshal(map[string]string{"email": email, "password": password})
	if err != nil {
		return "", err
	}
	if _, err := post(ctx, c, url+"/auth/signup", credentials, http.StatusAccepted); err != nil {
		return "", err
	}
	answer, err := post(ctx, c, url+"/auth/login", credentials, http.StatusOK)
	if err != nil {
		return "", err
	}
	var issued struct {
		Token string `json:"token"`
	}
	err = json.Unmarshal(answer, &issued)
	return issued.Token, err
}

func post(ctx context.Context, c *http.Client, url string, body []byte, want int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err == nil && response.StatusCode != want {
		err = fmt.Errorf("POST %s: status %d", url, response.StatusCode)
	}
	return answer, err
}
