package ready

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tasks/pkg/task"
)

// What is read of an answer, at most.
const (
	maxHead   = 64 << 10               // bytes of status line and headers, interim answers included
	maxBody   = 64 << 10               // bytes
	bodyTime  = 100 * time.Millisecond // also the body is read that is there at once: to close before would reset the connection
	lineBytes = 4 << 10                // of the status line; a header may be longer
)

func (r *checks) http(name, text string) (check, error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" || u.Hostname() == "" {
		return check{}, fmt.Errorf("bad %s: not an http:// URL with a host", name) // it may hold a password
	}
	try := func(ctx context.Context) error { return r.checker.get(ctx, u) }
	return check{name: name + " " + task.ShownURL(text), at: net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), "80")), try: try}, nil
}

func (r *checks) port(name, port string) (check, error) {
	address, err := task.Address(port)
	if err != nil {
		return check{}, err
	}
	try := func(ctx context.Context) error { return r.checker.connect(ctx, address) }
	return check{name: name + " " + address, at: address, try: try}, nil
}

// get reports whether a GET of the URL is answered with a status from 200 to 399. It
// speaks HTTP/1.1 itself: net/http would cost each start of this program 1.5 ms.
// No redirect is followed.
func (c *Checker) get(ctx context.Context, u *url.URL) error {
	port := u.Port()
	if port == "" {
		port = "80"
	}
	conn, err := c.open(ctx, u.Hostname(), port)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(conn, request(u)); err != nil {
		return plain(err)
	}
	r := bufio.NewReaderSize(&io.LimitedReader{R: conn, N: maxHead}, lineBytes)
	code, status, err := readHead(r)
	if err != nil {
		return plain(err)
	}
	if ctx.Err() == nil {
		_ = conn.SetReadDeadline(time.Now().Add(bodyTime))
		_, _ = io.CopyN(io.Discard, io.MultiReader(r, conn), maxBody)
	}
	if code < 200 || code > 399 {
		return errors.New(status)
	}
	return nil
}

func request(u *url.URL) string {
	var b strings.Builder
	fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: tasks\r\nAccept: */*\r\nConnection: close\r\n", u.RequestURI(), host(u))
	if u.User != nil {
		password, _ := u.User.Password()
		fmt.Fprintf(&b, "Authorization: Basic %s\r\n", base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
	}
	b.WriteString("\r\n")
	return b.String()
}

// host is the URL's host and port without the zone of an IPv6 address, which is
// of no meaning to others (RFC 6874).
func host(u *url.URL) string {
	name, zone, found := strings.Cut(u.Host, "%")
	if !found || !strings.HasPrefix(name, "[") {
		return u.Host
	}
	_, rest, _ := strings.Cut(zone, "]")
	return name + "]" + rest
}

// readHead reads the head of an answer, and those of interim ones before it. The
// status is its code and reason, for people.
func readHead(r *bufio.Reader) (code int, status string, err error) {
	for {
		line, err := r.ReadSlice('\n')
		if err == io.EOF && len(line) == 0 {
			return 0, "", errors.New("the connection was closed without an answer")
		}
		code, reason, ok := parseStatus(line)
		if !ok {
			if err != nil && err != bufio.ErrBufferFull && err != io.EOF {
				return 0, "", err
			}
			return 0, "", fmt.Errorf("the answer is not HTTP/1: %q", clip(string(line), 40))
		}
		if err := skipHeaders(r); err != nil {
			return 0, "", err
		}
		if code >= 200 || code == 101 {
			return code, strings.TrimSpace(strconv.Itoa(code) + " " + reason), nil
		}
	}
}

// parseStatus reads "HTTP/1.1 200 OK".
func parseStatus(line []byte) (code int, reason string, ok bool) {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1."))
	if !ok || len(rest) < 5 || rest[1] != ' ' || line[len(line)-1] != '\n' {
		return 0, "", false
	}
	number, text, _ := strings.Cut(strings.TrimRight(string(rest[2:]), "\r\n"), " ")
	code, err := strconv.Atoi(number)
	if err != nil || len(number) != 3 || code < 100 {
		return 0, "", false
	}
	return code, clip(text, 80), true
}

// skipHeaders reads to the end of the empty line.
func skipHeaders(r *bufio.Reader) error {
	for begins := true; ; {
		line, err := r.ReadSlice('\n')
		switch {
		case err == bufio.ErrBufferFull:
			begins = false
			continue
		case err == io.EOF:
			return errHead
		case err != nil:
			return err
		case begins && len(bytes.TrimRight(line, "\r\n")) == 0:
			return nil
		}
		begins = true
	}
}

var errHead = fmt.Errorf("the head of the answer is cut off, or longer than %d KiB", maxHead>>10)

// connect reports whether the address takes a connection.
func (c *Checker) connect(ctx context.Context, address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	conn, err := c.open(ctx, host, port)
	if err != nil {
		return err
	}
	return conn.Close()
}

// open connects to the port. Localhost is this machine whatever the resolver
// says: a server may listen on either of its addresses.
func (c *Checker) open(ctx context.Context, host, port string) (net.Conn, error) {
	hosts := []string{host}
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		hosts = []string{"127.0.0.1", "::1"}
	}
	var first error
	for _, host := range hosts {
		conn, err := c.dial(ctx, "tcp", net.JoinHostPort(host, port))
		if err == nil && toItself(conn) {
			conn.Close()
			err = syscall.ECONNREFUSED
		}
		if err == nil {
			return conn, nil
		}
		if first != nil {
			continue
		}
		if first = plain(err); c.outOfPorts(ctx, net.JoinHostPort(host, port), err) {
			first = unmade{first}
		}
	}
	return nil, first
}

// outOfPorts reports whether err is that all local ports to the address are taken: connect(2)
// says the same of an address that cannot be reached from here, but over UDP as well.
func (c *Checker) outOfPorts(ctx context.Context, address string, err error) bool {
	if !errors.Is(err, syscall.EADDRNOTAVAIL) {
		return false
	}
	conn, err := c.dial(ctx, "udp", address) // this sends nothing
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// toItself reports whether the connection is one that found itself: on a port
// that nobody listens on the kernel may choose the very same for this end.
func toItself(conn net.Conn) bool {
	local, ok := conn.LocalAddr().(*net.TCPAddr)
	return ok && local.String() == conn.RemoteAddr().String()
}

// plain is the cause of err, in the system's words.
func plain(err error) error {
	var errno syscall.Errno
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(err, &errno):
		return errno
	case errors.As(err, &dns):
		return errors.New(dns.Err)
	case errors.As(err, &op):
		return op.Err
	}
	return err
}
