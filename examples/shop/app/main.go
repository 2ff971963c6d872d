// Command app is the shop: `app web` takes orders, `app worker` ships them, and
// `app nightly` counts them. They are in Redis, at REDIS_PORT.
package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

func main() {
	err := errors.New("usage: app web|worker|nightly")
	switch strings.Join(os.Args[1:], " ") {
	case "web":
		err = web()
	case "worker":
		err = worker()
	case "nightly":
		err = nightly()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// web takes orders by POST /orders; GET /shipped waits for the next one that is
// shipped, and tells it once.
func web() error {
	handle := func(pattern string, answer func(redis, *http.Request) (string, error)) {
		http.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			db, err := open()
			if err == nil {
				defer db.Close()
				var text string
				if text, err = answer(db, r); err == nil {
					fmt.Fprintln(w, text)
					return
				}
			}
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
		})
	}
	handle("GET /healthz", func(db redis, _ *http.Request) (string, error) { return db.do("PING") })
	handle("POST /orders", func(db redis, r *http.Request) (string, error) {
		id, err := db.do("INCR", "orders")
		if err == nil {
			_, err = db.do("LPUSH", "queue", id+" "+r.FormValue("item"))
		}
		return "order " + id, err
	})
	handle("GET /shipped", func(db redis, _ *http.Request) (string, error) { return db.do("BRPOPLPUSH", "shipped", "told", "20") })
	fmt.Println("listening on port", os.Getenv("PORT"))
	return http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), nil)
}

// worker ships one order after the other. The one in its hands is in a list of
// its own, for its next run to ship it should this one be killed.
func worker() error {
	name := os.Getenv("TASKS_NAME")
	packing, err1 := time.ParseDuration(os.Getenv("PACKING"))
	db, err2 := open()
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	var hands sync.Mutex // held while there is an order in them
	term := make(chan os.Signal, 1)
	signal.Notify(term, syscall.SIGTERM)
	go func() {
		<-term
		hands.Lock()
		os.Exit(0)
	}()
	_, err := db.do("RPOPLPUSH", name, "queue")
	for err == nil {
		var order string
		if order, err = db.do("BRPOPLPUSH", "queue", name, "0"); err != nil {
			break
		}
		hands.Lock()
		time.Sleep(packing)
		_, err1 := db.do("INCR", "done")
		_, err2 := db.do("LPUSH", "shipped", order+" by "+name)
		_, err3 := db.do("LREM", name, "1", order)
		err = errors.Join(err1, err2, err3)
		fmt.Println("shipped", order)
		hands.Unlock()
	}
	return err
}

// nightly writes report.txt.
func nightly() error {
	db, err := open()
	if err != nil {
		return err
	}
	orders, err1 := db.do("INCRBY", "orders", "0")
	done, err2 := db.do("INCRBY", "done", "0")
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	return os.WriteFile("report.txt", []byte(orders+" orders, "+done+" shipped\n"), 0o644)
}

// redis is a connection to the database, and of its protocol what the shop needs.
type redis struct{ *textproto.Conn }

func open() (redis, error) {
	conn, err := textproto.Dial("tcp", "127.0.0.1:"+os.Getenv("REDIS_PORT"))
	return redis{conn}, err
}

// do sends a command, and returns the answer: "" for none.
func (r redis) do(args ...string) (string, error) {
	fmt.Fprintf(r.W, "*%d\r\n", len(args))
	for _, a := range args {
		fmt.Fprintf(r.W, "$%d\r\n%s\r\n", len(a), a)
	}
	if err := r.W.Flush(); err != nil {
		return "", err
	}
	line, err := r.ReadLine()
	switch {
	case err != nil:
		return "", fmt.Errorf("lost the database: %w", err)
	case line == "$-1" || line == "*-1":
		return "", nil
	case line[0] == '-':
		return "", errors.New(line[1:])
	case line[0] != '$':
		return line[1:], nil
	}
	n, _ := strconv.Atoi(line[1:])
	text := make([]byte, n+2) // \r\n follows it
	_, err = io.ReadFull(r.R, text)
	return string(text[:n]), err
}
