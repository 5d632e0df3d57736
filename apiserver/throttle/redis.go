package throttle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-redis/redis_rate/v10"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"
	"k8s.io/utils/clock"
)

const (
	// RedisTimeout is how long one decision waits for Redis; then the local limiter decides.
	RedisTimeout = 50 * time.Millisecond
	// RedisCooldown is how long Redis is left alone after it failed, before one request tries it again.
	RedisCooldown = 3 * time.Second
	// RedisPrefix begins every key in Redis. The library puts "rate:" before it, so they match rate:checky:*.
	RedisPrefix = "checky:"
	// redisPoolSize bounds the connections to Redis: a decision takes well below a millisecond.
	redisPoolSize = 16
	// redisDialTimeout bounds how long a connection takes to be made. It may outlast the decision that asked for it.
	redisDialTimeout = 2 * time.Second
)

// OpenRedis makes a client that fails fast, as Redis needs it. It connects when it is first used. The URL is
// redis://[user:password@]host[:port][/db], rediss://... for TLS or unix://[user:password@]/path[?db=0].
func OpenRedis(url string) (*redis.Client, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		// Not the library's error: it quotes the URL, and that has a password in it.
		return nil, errors.New("the Redis URL cannot be read: expected redis://[user:password@]host[:port][/db], " +
			"rediss:// for TLS or unix:///path")
	}
	o.ContextTimeoutEnabled = true // without it, the context of a decision does not end it
	o.DialTimeout = redisDialTimeout
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = RedisTimeout, RedisTimeout, RedisTimeout
	o.MaxRetries, o.DialerRetries = -1, 1 // the local limiter is the second try
	o.PoolSize = redisPoolSize
	o.ClientName = "checky"
	logging.Disable() // for the whole process: it would write a line to standard error for each failed connection
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return redis.NewClient(o), nil
}

// RedisOptions are what a Redis limiter reports to.
type RedisOptions struct {
	// Log gets one line when Redis goes away and one when it is back.
	Log logr.Logger
	// Registerer gets checky_apiserver_redis_fallback_total. nil: it is not shown.
	Registerer prometheus.Registerer
	// Clock times the breaker. nil: the real one.
	Clock clock.PassiveClock
}

// Redis limits exactly across all replicas that use the same Redis, by the same algorithm as Local, run in Redis as a
// script (redis_rate) and by its clock.
//
// While Redis is away the fallback decides, from what it knows: a key starts there with its whole share, so the change
// costs at most one more limit a key. A breaker sees to it that a dead Redis costs one request in RedisCooldown
// its RedisTimeout, and the others nothing.
type Redis struct {
	limiter   *redis_rate.Limiter
	fallback  Limiter
	timeout   time.Duration
	breaker   breaker
	log       logr.Logger
	fallbacks prometheus.Counter
}

// NewRedis makes a limiter across replicas. The client, of OpenRedis, stays its caller's to close.
func NewRedis(client *redis.Client, fallback Limiter, o RedisOptions) (*Redis, error) {
	r := &Redis{
		limiter: redis_rate.NewLimiter(client), fallback: fallback, timeout: RedisTimeout, log: o.Log,
		breaker: breaker{clock: o.Clock, cooldown: RedisCooldown},
		fallbacks: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "checky_apiserver_redis_fallback_total",
			Help: "Rate limit decisions that were made locally, because Redis was away.",
		}),
	}
	if o.Clock == nil {
		r.breaker.clock = clock.RealClock{}
	}
	if o.Registerer == nil {
		return r, nil
	}
	if err := o.Registerer.Register(r.fallbacks); err != nil {
		return nil, fmt.Errorf("register the metrics of the rate limiter: %w", err)
	}
	return r, nil
}

// Allow counts one request of a key against the limit of all replicas, or against this replica's share of it while
// Redis is away. See Limiter.
func (r *Redis) Allow(ctx context.Context, key string, perMinute int) Decision {
	if call, probe := r.breaker.enter(); call {
		d, err := r.ask(ctx, key, clampLimit(perMinute))
		if changed := r.breaker.leave(probe, err != nil); changed && err != nil {
			r.log.Error(err, "Redis is away: each replica limits its share of the requests")
		} else if changed {
			r.log.Info("Redis is back: requests are limited across replicas")
		}
		if err == nil {
			return d
		}
	}
	r.fallbacks.Inc()
	return r.fallback.Allow(ctx, key, perMinute)
}

// ask lets Redis decide. It does not end with the request's context: a client that goes away is no failure of Redis.
func (r *Redis) ask(ctx context.Context, key string, limit int) (Decision, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), r.timeout)
	defer cancel()
	res, err := r.limiter.Allow(ctx, RedisPrefix+key, redis_rate.PerMinute(limit))
	if err != nil {
		return Decision{}, err
	}
	remaining := min(max(0, res.Remaining), limit)
	d := Decision{Allowed: res.Allowed > 0, Limit: limit, Remaining: remaining, Reset: res.ResetAfter}
	if !d.Allowed {
		d.RetryAfter = max(res.RetryAfter, time.Nanosecond)
	}
	return d, nil
}
