package ready

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func parse(t testing.TB, text string) *url.URL {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// What Go's own server answers, and what it understands of the request.
func TestGetFromARealServer(t *testing.T) {
	t.Parallel()
	seen := make(chan *http.Request, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen <- r
		var code int
		fmt.Sscan(r.URL.Query().Get("code"), &code)
		if code == 103 {
			w.Header().Set("Link", "</style.css>")
			w.WriteHeader(http.StatusEarlyHints)
			code = 200
		}
		w.Header().Set("Location", "/elsewhere")
		w.Header().Set("X-Long", strings.Repeat("x", 20000))
		w.WriteHeader(code)
		if code != 204 && code != 304 {
			io.WriteString(w, strings.Repeat("body", 100000))
		}
	}))
	defer s.Close()
	c := New(Options{})
	for code, want := range map[int]string{
		200: "", 204: "", 302: "", 304: "", 399: "", 103: "", 400: "400 Bad Request", 404: "404 Not Found", 503: "503 Service Unavailable", 599: "599 status code 599",
	} {
		u := parse(t, fmt.Sprintf("%s/a%%20b/c?code=%d&x=y#part", s.URL, code))
		u.User = url.UserPassword("me", "p:w")
		err := c.get(t.Context(), u)
		if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
			t.Errorf("%d: %s, want %s", code, got, want)
		}
		r := <-seen
		user, password, _ := r.BasicAuth()
		if r.Method != "GET" || r.URL.Path != "/a b/c" || r.URL.Query().Get("x") != "y" || "http://"+r.Host != s.URL || r.ProtoMinor != 1 || !r.Close || user != "me" || password != "p:w" {
			t.Errorf("%d: %+v", code, r)
		}
	}
	if len(seen) > 0 {
		t.Error("a redirect was followed")
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"HTTP/1.1 200 OK\r\n\r\n":                                                         "",
		"HTTP/1.0 200 OK\n\n":                                                             "",
		"HTTP/1.1 200\r\n\r\n":                                                            "",
		"HTTP/1.1 200 \r\nA: b\r\n\r\nbody":                                               "",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n":                    "",
		"HTTP/1.1 100 Continue\r\n\r\n":                                                   "the connection was closed without an answer",
		"HTTP/1.1 101 Switching Protocols\r\n\r\n":                                        "101 Switching Protocols",
		"HTTP/1.1 500\r\n\r\n":                                                            "500",
		"HTTP/1.1 500 \x1b[31mOops\x00\r\n\r\n":                                           "500  [31mOops",
		"HTTP/1.1 500 " + strings.Repeat("x", 200) + "\r\n\r\n":                           "500 " + strings.Repeat("x", 80) + "…",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 20000) + "\r\n\r\n":                "",
		"HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", lineBytes-len("A: ")) + "\r\n\r\n": "",
		"HTTP/1.1 200 OK\r\n":                                                             errHead.Error(),
		"HTTP/1.1 200 OK\r\nA: b":                                                         errHead.Error(),
		"HTTP/1.1 200 OK\r\nA: b\n":                                                       errHead.Error(),
		"HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 20000) + "\r\n":                errHead.Error(),
		"HTTP/1.1 200 " + strings.Repeat("x", 5000) + "\r\n\r\n":                          `the answer is not HTTP/1: "HTTP/1.1 200 ` + strings.Repeat("x", 27) + `…"`,
		"HTTP/1.1 200 OK":                                                                 `the answer is not HTTP/1: "HTTP/1.1 200 OK"`,
		"HTTP/1.1 20 OK\r\n\r\n":                                                          `the answer is not HTTP/1: "HTTP/1.1 20 OK  "`,
		"HTTP/1.1 +20 OK\r\n\r\n":                                                         `the answer is not HTTP/1: "HTTP/1.1 +20 OK  "`,
		"HTTP/1.1 2000 OK\r\n\r\n":                                                        `the answer is not HTTP/1: "HTTP/1.1 2000 OK  "`,
		"HTTP/2 200\r\n\r\n":                                                              `the answer is not HTTP/1: "HTTP/2 200  "`,
		"SSH-2.0-OpenSSH_9.2p1\r\n":                                                       `the answer is not HTTP/1: "SSH-2.0-OpenSSH_9.2p1  "`,
		"\x15\x03\x01\x00\x02\x02P":                                                       `the answer is not HTTP/1: "      P"`,
		"":                                                                                "the connection was closed without an answer",
	} {
		synctest.Test(t, func(t *testing.T) {
			c := checker(t, nil, answer(text))
			err := c.get(t.Context(), parse(t, "http://h/"))
			if got := fmt.Sprint(err); got != want && (err != nil || want != "") {
				t.Errorf("%.60q: %s, want %s", text, got, want)
			}
		})
	}
}

// A stream without end is an answer as soon as its head is there, near enough.
func TestAnswerWithoutEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, pause := range []time.Duration{0, time.Millisecond, time.Hour} {
			here, there := net.Pipe()
			done := make(chan struct{})
			go func() {
				defer close(done)
				there.Read(make([]byte, 4096))
				io.WriteString(there, ok)
				for err := error(nil); err == nil; time.Sleep(pause) {
					_, err = io.WriteString(there, "data: x\n\n")
				}
			}()
			c := checker(t, nil, func(context.Context, string) (net.Conn, error) { return here, nil })
			start := time.Now()
			if err := c.get(t.Context(), parse(t, "http://h/")); err != nil {
				t.Error(err)
			}
			if took := time.Since(start); took > bodyTime {
				t.Errorf("%v between the parts: it took %v", pause, took)
			}
			there.Close()
			<-done
		}
	})
}

func TestRequest(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"http://h":                    "GET / HTTP/1.1|Host: h",
		"http://h:81?a=b&c":           "GET /?a=b&c HTTP/1.1|Host: h:81",
		"http://[fe80::1%25eth0]:8/x": "GET /x HTTP/1.1|Host: [fe80::1]:8",
		"http://[::1]/ü":              "GET /%C3%BC HTTP/1.1|Host: [::1]",
	} {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := http.ReadRequest(bufio.NewReader(strings.NewReader(request(u))))
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if line := fmt.Sprintf("%s %s %s|Host: %s", got.Method, got.RequestURI, got.Proto, got.Host); line != want {
			t.Errorf("%s: %s, want %s", text, line, want)
		}
	}
}

// Whatever a server sends, Go's own client sees the same code where it sees one.
func FuzzReadHead(f *testing.F) {
	for _, text := range []string{ok, "HTTP/1.1 100 Continue\r\n\r\n" + ok, "HTTP/1.0 404\nA: b\n\n", "HTTP/1.1 200 OK\r\n", "\r\n", "HTTP/1.1 999 x\r\n\r\n"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		code, status, err := readHead(bufio.NewReaderSize(strings.NewReader(string(text)), lineBytes))
		if err != nil {
			return
		}
		if code < 100 || code > 999 || !strings.HasPrefix(status, fmt.Sprint(code)) || len(status) > 100 || strings.ContainsAny(status, "\r\n\x1b\x00") {
			t.Errorf("%d, %q", code, status)
		}
		r := bufio.NewReader(strings.NewReader(string(text)))
		for {
			resp, err := http.ReadResponse(r, nil)
			if err != nil {
				return // it is stricter about headers
			}
			if resp.StatusCode >= 200 || resp.StatusCode == 101 {
				if resp.StatusCode != code {
					t.Errorf("%d, want %d", code, resp.StatusCode)
				}
				return
			}
		}
	})
}
