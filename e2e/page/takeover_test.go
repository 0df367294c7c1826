package page

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
)

// takeoverDB is the Redis database of this test; those of other tests are in e2e.
const takeoverDB = "14"

// pair is two masters that share a real Kafka and a real Redis.
type pair struct {
	*site
	ports   map[string]string
	masters map[string]*process
}

func newPair(t *testing.T) *pair {
	t.Helper()
	broker, redisURL := os.Getenv("KAFKA_TEST_BROKER"), os.Getenv("REDIS_TEST_URL")
	if broker == "" || redisURL == "" {
		t.Skip("KAFKA_TEST_BROKER and REDIS_TEST_URL are not set: make test starts both, make services-install installs them")
	}
	redisURL = strings.TrimSuffix(redisURL, "/") + "/" + takeoverDB
	options, err := redis.ParseURL(redisURL)
	require.NoError(t, err)
	client := redis.NewClient(options)
	defer client.Close()
	require.NoError(t, client.FlushDB(t.Context()).Err())
	s := newSite(t, "KAFKA_BROKER_ADDRESS="+broker, "REDIS_URL="+redisURL)
	suffix := "-" + filepath.Base(filepath.Dir(s.dir)) + time.Now().Format("150405.000")
	s.vars = append(slices.DeleteFunc(s.vars, func(v string) bool { return strings.HasPrefix(v, "KAFKA_BROKER_PORT=") }),
		"KAFKA_TOPIC_NAME_MASTER=chunks"+suffix, "KAFKA_TOPIC_NAME_WORKER=signals"+suffix,
		"KAFKA_TOPIC_NAME_WORKER_FREE=connections"+suffix, "KAFKA_MASTER_HEARTBEAT_TOPIC=masters"+suffix)
	return &pair{site: s, ports: map[string]string{"m1": infratest.FreePort(t), "m2": infratest.FreePort(t)}, masters: map[string]*process{}}
}

func (p *pair) url(id string) string { return "http://127.0.0.1:" + p.ports[id] + "/" }

// begin starts a master and waits until it has a role.
func (p *pair) begin(id, role string) {
	p.t.Helper()
	vars := p.vars
	p.vars = append(slices.Clone(vars), "MASTER_ID="+id, "API_SERVER_PORT="+p.ports[id])
	m, err := p.start()
	p.vars = vars
	require.NoError(p.t, err)
	p.masters[id] = m
	require.Eventually(p.t, func() bool {
		resp, err := http.Get(p.url(id) + "readyz")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		return strings.HasPrefix(string(body), "ready: "+role)
	}, 2*time.Minute, 50*time.Millisecond) // for a hang
}

// proxy serves both masters below a prefix, by the first one that can be reached, as the
// reverse proxy of a pair does.
func (p *pair) proxy() (address string) {
	reach := &http.Transport{}
	srv := httptest.NewServer(http.StripPrefix("/kafka", &httputil.ReverseProxy{
		ErrorLog: log.New(io.Discard, "", 0), // a master is killed
		Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: "master"}) },
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			var last error
			for _, id := range []string{"m1", "m2"} {
				r.URL.Host = "127.0.0.1:" + p.ports[id]
				r.Host = r.URL.Host
				resp, err := reach.RoundTrip(r)
				if err == nil {
					return resp, nil
				}
				last = err
			}
			return nil, last
		}),
	}))
	p.t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		reach.CloseIdleConnections()
	})
	return srv.URL + "/kafka/"
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements http.RoundTripper.
func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// The leader is killed, and a standby takes over: pages that are open at the standby, at the
// address of the leader, and behind a proxy of both keep the last picture and go on.
func TestTakeover(t *testing.T) {
	needBrowser(t)
	p := newPair(t)
	p.begin("m1", "leader")
	p.begin("m2", "standby")
	require.NoError(t, p.drop("kept.txt", numbered(50_000)))
	_, err := p.start("worker", "--worker-id", "w-1", "--exec", "sleep 0.2")
	require.NoError(t, err)
	proxy := p.proxy()
	script(t, "takeover.mjs", p.url("m2"), steps{
		"leader": func(string) (string, error) { return p.url("m1"), nil },
		"proxy":  func(string) (string, error) { return proxy, nil },
		"kill":   func(string) (string, error) { p.masters["m1"].end(); return "", nil },
		"start":  func(string) (string, error) { p.begin("m1", "standby"); return "", nil },
	})
}
