// SPDX-License-Identifier: Apache-2.0
/*
 * main_call.c - other threads ask the main thread to act
 *
 * Theory of operation: a caller puts a struct call, which lives on its own
 * stack, into the list, signals the eventfd and sleeps on the condition until
 * `done`. The main thread takes one call at a time out of the list, runs it
 * without the lock, and only then sets `done`: a call is in the list, or being
 * run, or done, never two of these. After close the list stays empty.
 *
 * The eventfd counts the calls in the list, and one is run per turn of the event
 * loop: two vCPUs that call all the time would otherwise keep the main thread
 * from everything else, such as ending the VM.
 */
#include "main_call.h"
#include "fd.h"
#include "util.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

struct call {
	struct call *next;
	int (*fn)(void *arg);
	void *arg;
	int ret;
	bool done;
};

struct main_call {
	pthread_t main_thread;
	pthread_mutex_t lock; /* guards everything below */
	pthread_cond_t done;
	struct call *first, **last;
	bool closed;
	int wake_fd; /* eventfd: calls in the list */
	struct event *wake;
};

static struct call *take_first(struct main_call *calls)
{
	struct call *call;

	pthread_mutex_lock(&calls->lock);
	call = calls->first;
	if (call != NULL) {
		calls->first = call->next;
		if (calls->first == NULL)
			calls->last = &calls->first;
	}
	pthread_mutex_unlock(&calls->lock);
	return call;
}

static void finish(struct main_call *calls, struct call *call, int ret)
{
	pthread_mutex_lock(&calls->lock);
	call->ret = ret;
	call->done = true;
	pthread_cond_broadcast(&calls->done);
	pthread_mutex_unlock(&calls->lock);
}

int main_call_fd(const struct main_call *calls)
{
	return calls->wake_fd;
}

void main_call_run_next(struct main_call *calls)
{
	struct call *call;

	eventfd_drain(calls->wake_fd); /* of one: it is a semaphore */
	call = take_first(calls);
	if (call != NULL)
		finish(calls, call, call->fn(call->arg));
}

static void handle_wake(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	main_call_run_next(arg);
}

int main_call_create(struct event_base *base, struct main_call **out,
		     struct err *err)
{
	struct main_call *calls = calloc(1, sizeof(*calls));
	int ret;

	if (calls == NULL)
		return err_set(err, ENOMEM, "main-thread calls: out of memory");
	calls->main_thread = pthread_self();
	calls->last = &calls->first;
	pthread_mutex_init(&calls->lock, NULL);
	pthread_cond_init(&calls->done, NULL);
	calls->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | EFD_SEMAPHORE);
	if (calls->wake_fd < 0) {
		ret = err_errno(err, "eventfd");
		goto fail;
	}
	calls->wake = event_new(base, calls->wake_fd, EV_READ | EV_PERSIST,
				handle_wake, calls);
	if (calls->wake == NULL || event_add(calls->wake, NULL) < 0) {
		ret = err_set(err, ENOMEM, "main-thread calls: out of memory");
		goto fail;
	}
	*out = calls;
	return 0;
fail:
	main_call_destroy(calls);
	return ret;
}

void main_call_destroy(struct main_call *calls)
{
	if (calls == NULL)
		return;
	if (calls->wake != NULL)
		event_free(calls->wake);
	fd_close(&calls->wake_fd);
	pthread_cond_destroy(&calls->done);
	pthread_mutex_destroy(&calls->lock);
	free(calls);
}

int main_call_run(struct main_call *calls, int (*fn)(void *arg), void *arg)
{
	struct call call = { .fn = fn, .arg = arg, .ret = -ECANCELED };

	if (pthread_equal(pthread_self(), calls->main_thread))
		return fn(arg);

	pthread_mutex_lock(&calls->lock);
	if (!calls->closed) {
		*calls->last = &call;
		calls->last = &call.next;
		eventfd_signal(calls->wake_fd);
		while (!call.done)
			pthread_cond_wait(&calls->done, &calls->lock);
	}
	pthread_mutex_unlock(&calls->lock);
	return call.ret;
}

void main_call_close(struct main_call *calls)
{
	struct call *call;

	pthread_mutex_lock(&calls->lock);
	calls->closed = true;
	pthread_mutex_unlock(&calls->lock);
	while ((call = take_first(calls)) != NULL)
		finish(calls, call, -ECANCELED);
}
