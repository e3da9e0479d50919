/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * See manager.h. Order of life: the log first (it may come from the process before), the kernel's
 * files, the workers, reading and delivery, probes, and the socket last; the end goes the other
 * way.
 */
#include "manager.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "listener.h"
#include "log.h"
#include "privileges.h"
#include "rpc.h"
#include "server.h"
#include "session.h"
#include "tracefs.h"
#include "plant.h"

/* The name of the log's memfd in systemd's store, and of the socket kprobed.socket passes. */
#define LOG_FD_NAME    "log"
#define SOCKET_FD_NAME "kprobed.socket"

/* So long the end waits for clients to take what is theirs. */
#define FLUSH_NSEC 3000000000ULL

struct manager {
	struct server server;
	struct listener *listener; /* owned */
	struct event *signals[3];  /* owned */
	struct event *watchdog;	   /* owned; NULL: systemd does not want one */
	struct timeval watchdog_every;
	struct event *flush;   /* owned: tries again to send the rest before the end */
	uint64_t flush_until;  /* CLOCK_MONOTONIC, ns */
	int log_fd, socket_fd; /* owned until taken over */
	bool is_stopping;
};

static void on_append(unsigned int source, uint64_t seq, const struct raw_record *record,
		      void *data)
{
	delivery_append(((struct manager *)data)->server.delivery, source, seq, record);
}

static void on_pass(void *data)
{
	struct manager *m = data;

	delivery_pass(m->server.delivery);
	wakeups_pass(m->server.wakeups);
}

static bool is_urgent(void *data)
{
	const struct server *server = &((struct manager *)data)->server;

	return delivery_is_urgent(server->delivery) || wakeups_is_urgent(server->wakeups);
}

static void on_change(enum probe_change change, const struct probe *probe,
		      const struct requester *by, void *data)
{
	rpc_probe_changed(&((struct manager *)data)->server, change, probe, by);
}

/* Whether everything has been sent. */
static bool flush_sessions(struct server *server)
{
	bool is_done = delivery_flush(server->delivery);
	struct session *s, *tmp;

	HASH_ITER (hh, server->sessions, s, tmp) {
		session_flush(s);
		is_done &= s->is_closing || evbuffer_get_length(s->out) == 0;
	}
	return is_done;
}

/* The end waits for clients that read, and not for ever for those that do not. */
static void on_flush(evutil_socket_t fd, short what, void *data)
{
	const struct timeval again = {.tv_usec = 10000};
	struct manager *m = data;

	if (flush_sessions(&m->server) || now_nsec() >= m->flush_until)
		event_base_loopexit(m->server.base, NULL);
	else
		event_add(m->flush, &again);
}

static void on_shut_down(int r, const struct kp_error *error, struct probe *const *probes, size_t n,
			 void *data)
{
	struct manager *m = data;

	m->flush_until = now_nsec() + FLUSH_NSEC;
	on_flush(-1, 0, m);
}

static void on_signal(evutil_socket_t number, short what, void *data)
{
	struct manager *m = data;

	if (m->is_stopping)
		return;
	m->is_stopping = true;
	log_info("stopping (%s)", strsignal((int)number));
	sd_notify(0, "STOPPING=1");
	m->listener = listener_free(m->listener);
	if (m->server.probes)
		probe_set_shut_down(m->server.probes, on_shut_down, m);
	else
		event_base_loopexit(m->server.base, NULL);
}

static void on_watchdog(evutil_socket_t fd, short what, void *data)
{
	struct manager *m = data;

	sd_notify(0, "WATCHDOG=1");
	event_add(m->watchdog, &m->watchdog_every);
}

/* What systemd has passed: the socket, and the log of the process before. */
static int take_passed_fds(struct manager *m)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);

	for (int i = 0; i < n; i++) {
		int fd = SD_LISTEN_FDS_START + i;

		if (strcmp(names[i], LOG_FD_NAME) == 0 && m->log_fd < 0)
			m->log_fd = fd;
		else if (m->socket_fd < 0 && sd_is_socket_unix(fd, SOCK_STREAM, 1, NULL, 0) > 0)
			m->socket_fd = fd;
		else
			close(fd);
	}
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return n < 0 ? n : 0;
}

static int make_log(struct manager *m)
{
	struct server *server = &m->server;
	bool is_old = false;
	int r = -ENOENT;

	if (m->log_fd >= 0) {
		r = event_log_new(0, m->log_fd, &server->log);
		if (r == 0 && event_log_size(server->log) != server->config->log.size) {
			log_info("the event log begins anew: its size has changed");
			server->log = event_log_free(server->log);
			m->log_fd = -1;
			r = -ENOENT;
		} else if (r < 0) {
			log_warning("the event log of the process before cannot be used: %s",
				    strerror(-r));
			close(m->log_fd);
		} else {
			is_old = true;
		}
		m->log_fd = -1;
	}
	if (!is_old) {
		sd_notify(0, "FDSTOREREMOVE=1\nFDNAME=" LOG_FD_NAME);
		r = event_log_new(server->config->log.size, -1, &server->log);
	}
	if (r < 0) {
		log_error("cannot make the event log of %llu bytes: %s",
			  (unsigned long long)server->config->log.size, strerror(-r));
		return r;
	}
	if (!is_old) {
		int fd = event_log_fd(server->log);

		sd_pid_notify_with_fds(0, 0, "FDSTORE=1\nFDNAME=" LOG_FD_NAME, &fd, 1);
	} else {
		log_info("took over the event log: %llu events",
			 (unsigned long long)(event_log_next(server->log) -
					      event_log_first(server->log)));
	}
	return is_old;
}

/* Probes and instances that a kprobed which could not clean up has left. */
static void remove_leftovers(void)
{
	unsigned int instances = instance_remove_leftovers();
	unsigned int busy = plant_delete_leftovers();

	if (instances)
		log_notice("removed what an earlier kprobed left behind (%u instances)", instances);
	if (busy)
		log_warning("%u probes of an earlier kprobed are in use by others and stay", busy);
}

/* Without probes the service still answers, and says why; but there is only one owner of them. */
static int open_kernel(struct server *server)
{
	int r;

	server->unavailable = KP_ERROR_INIT;
	r = tracefs_open(&server->unavailable);
	if (r == 0)
		remove_leftovers();
	else
		log_error("no probes: %s", server->unavailable.message);
	return r == -EBUSY ? r : 0;
}

/* Before there is any thread: what this takes is given back at once. */
static int open_text(struct server *server)
{
	int r;

	server->no_text = KP_ERROR_INIT;
	r = kernel_text_open(NULL, &server->text, &server->no_text);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		log_notice("no disassembly: %s", server->no_text.message);
	r = privileges_drop_rawio();
	if (r < 0)
		log_warning("cannot give CAP_SYS_RAWIO back: %s", strerror(-r));
	return 0;
}

static int make_parts(struct manager *m)
{
	struct server *server = &m->server;
	struct reader_options reader = {
		.base = server->base,
		.log = server->log,
		.tick_msec = server->config->delivery.tick_ms,
		.window_usec = server->config->delivery.order_window_us,
		.is_urgent = is_urgent,
		.on_pass = on_pass,
		.on_append = on_append,
		.data = m,
	};
	struct probe_set_options probes = {
		.base = server->base,
		.log = server->log,
		.config = server->config,
		.on_change = on_change,
		.data = m,
	};
	int r;

	r = delivery_new(server->base, server->log, &server->delivery);
	if (r == 0)
		r = wakeups_new(server->base, server->log, &server->wakeups);
	if (r == 0)
		r = reader_new(&reader, &server->reader);
	if (r == 0)
		r = control_new(server->base, &server->control);
	if (r == 0)
		r = knowledge_new(&server->knowledge);
	if (r == 0)
		r = control_new(server->base, &server->knowledge_worker);
	if (r == 0) {
		probes.reader = server->reader;
		probes.control = server->control;
		probes.knowledge_worker = server->knowledge_worker;
		probes.knowledge = server->knowledge;
		r = probe_set_new(&probes, &server->probes);
	}
	if (r < 0)
		log_error("cannot start: %s", strerror(-r));
	return r;
}

static int make_signals(struct manager *m)
{
	static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		m->signals[i] = evsignal_new(m->server.base, numbers[i], on_signal, m);
		if (!m->signals[i] || event_add(m->signals[i], NULL) < 0)
			return -ENOMEM;
	}
	m->flush = evtimer_new(m->server.base, on_flush, m);
	return m->flush ? 0 : -ENOMEM;
}

static int make_watchdog(struct manager *m)
{
	uint64_t usec;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	m->watchdog_every = (struct timeval){.tv_sec = (time_t)(usec / 2 / 1000000),
					     .tv_usec = (suseconds_t)(usec / 2 % 1000000)};
	m->watchdog = evtimer_new(m->server.base, on_watchdog, m);
	return m->watchdog ? event_add(m->watchdog, &m->watchdog_every) : -ENOMEM;
}

/* Each client is a descriptor, and each ring two. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
			log_debug("cannot raise the limit of open files: %m");
	}
}

int manager_new(const struct config *config, struct manager **ret)
{
	_cleanup_(manager_freep) struct manager *m = calloc(1, sizeof(*m));
	struct kp_error e = KP_ERROR_INIT;
	char text[VARLINK_IDL_ERROR_MAX];
	struct timespec now;
	bool is_old_log;
	int r;

	if (!m)
		return -ENOMEM;
	m->log_fd = m->socket_fd = -1;
	m->server.config = config;
	m->server.next_session = 1;
	clock_gettime(CLOCK_REALTIME, &now);
	m->server.started_usec = (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
	raise_file_limit();
	m->server.base = event_base_new();
	if (!m->server.base)
		return -ENOMEM;
	r = interfaces_load(&m->server.interfaces, text, sizeof(text));
	if (r < 0) {
		log_error("%s", text);
		return r;
	}
	r = open_text(&m->server);
	if (r == 0)
		r = take_passed_fds(m);
	if (r == 0)
		r = make_log(m);
	if (r < 0)
		return r;
	is_old_log = r;

	/* The socket tells whether another kprobed is alive: before anything of it is cleaned up.
	 */
	r = listener_new(&m->server, m->socket_fd, &m->listener, &e);
	if (r < 0) {
		log_error("%s", e.message[0] ? e.message : strerror(-r));
		return r;
	}
	m->socket_fd = -1;
	r = open_kernel(&m->server);
	if (r == 0)
		r = make_parts(m);
	if (r == 0)
		r = make_signals(m);
	if (r == 0)
		r = make_watchdog(m);
	if (r < 0)
		return r;
	if (is_old_log)
		reader_append_gap(m->server.reader, LOG_SOURCE_GLOBAL, "restart", 0, NULL, -1, 0,
				  now_nsec());
	*ret = take_ptr(m);
	return 0;
}

struct manager *manager_free(struct manager *m)
{
	struct server *server = &m->server;
	struct session *s, *tmp;
	struct probe_set *probes = server->probes;

	if (m->listener)
		listener_free(m->listener);
	server->probes = NULL; /* nothing is submitted any more */
	HASH_ITER (hh, server->sessions, s, tmp) {
		session_free(s);
	}
	server->probes = probes;
	/* What it has looked up goes on to the other worker. */
	if (server->knowledge_worker)
		control_free(server->knowledge_worker);
	if (server->knowledge)
		knowledge_free(server->knowledge);
	if (server->disassembler)
		disassembler_free(server->disassembler);
	if (server->control)
		control_free(server->control);
	/* Its streams read from the instances' files. */
	if (server->reader)
		reader_free(server->reader);
	if (probes)
		probe_set_free(probes);
	if (server->delivery)
		delivery_free(server->delivery);
	if (server->wakeups)
		wakeups_free(server->wakeups);
	if (server->log)
		event_log_free(server->log);
	if (server->text)
		kernel_text_free(server->text);
	if (server->interfaces)
		interfaces_free(server->interfaces);
	for (size_t i = 0; i < ARRAY_SIZE(m->signals); i++)
		if (m->signals[i])
			event_free(m->signals[i]);
	if (m->watchdog)
		event_free(m->watchdog);
	if (m->flush)
		event_free(m->flush);
	if (server->base)
		event_base_free(server->base);
	kp_closep(&m->log_fd);
	kp_closep(&m->socket_fd);
	free(m);
	return NULL;
}

int manager_run(struct manager *m)
{
	const struct server *server = &m->server;

	sd_notifyf(0, "READY=1\nSTATUS=Serving %s%s", server->config->socket.path,
		   server->unavailable.code == KP_OK ? "" : ", without probes");
	log_info("kprobed " PACKAGE_VERSION " serves %s", server->config->socket.path);
	if (event_base_dispatch(server->base) < 0) {
		log_error("the event loop failed");
		return -EIO;
	}
	return 0;
}
