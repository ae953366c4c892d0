/*
 * carved - shares the MIG instances of this server by policy
 */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include "base/array.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "check/managers.h"
#include "daemon/api.h"
#include "daemon/http.h"
#include "daemon/privilege.h"
#include "daemon/users.h"
#include "daemon/watch.h"
#include "daemon/workers.h"
#include "ledger/ledger-chain.h"
#include "notice/notifier.h"
#include "reconcile/steward-isolate.h"
#include "reconcile/steward.h"

#define POLICY_PATH "/etc/carve/policy.yaml"
#define LEDGER_PATH "/var/lib/carve/ledger.db"
#define SOCKET_PATH "/run/carve/carved.sock"
#define CDI_FOLDER  "/var/run/cdi"
#define STOP_S	    10
#define MANY_FILES  (STEWARD_MAX_LEASES + 1024)
#define MANAGERS_S  300 /* between looks for other managers of MIG */
#define TELL_HEAD_S 86400

struct options {
	const char *policy, *ledger, *socket, *library, *record, *root, *cdi;
	bool help, version;
};

struct carved {
	struct options options;
	struct backend *backend;
	struct ledger *ledger;
	struct workers *workers;
	struct watch *watch;
	struct users *users;
	struct http *http;
	struct notifier *notifier;
	struct steward steward;
	struct api api;
	int epoll, signals;
	bool stop;
	int stop_signal;
	int64_t next_managers_s;
	int64_t next_tick_s, next_head_s, next_notice_s;
	bool foresees; /* there is more of it to be worked out */
};

/* ---- options ---- */

enum { OPT_POLICY = 256, OPT_LEDGER, OPT_SOCKET, OPT_LIBRARY, OPT_RECORD, OPT_ROOT, OPT_CDI };

static const struct {
	struct option option;
	size_t at;
	const char *arg, *help;
} opts[] = {
	{{"policy", required_argument, NULL, OPT_POLICY},
	 offsetof(struct options, policy),
	 "FILE",
	 "the policy (default: " POLICY_PATH ")"},
	{{"ledger", required_argument, NULL, OPT_LEDGER},
	 offsetof(struct options, ledger),
	 "FILE",
	 "the ledger (default: " LEDGER_PATH ")"},
	{{"socket", required_argument, NULL, OPT_SOCKET},
	 offsetof(struct options, socket),
	 "PATH",
	 "where to listen (default: " SOCKET_PATH ")"},
	{{"library", required_argument, NULL, OPT_LIBRARY},
	 offsetof(struct options, library),
	 "FILE",
	 "NVML (default: libnvidia-ml.so.1)"},
	{{"record", required_argument, NULL, OPT_RECORD},
	 offsetof(struct options, record),
	 "FILE",
	 "write down every call to the driver and its answer"},
	{{"root", required_argument, NULL, OPT_ROOT},
	 offsetof(struct options, root),
	 "DIR",
	 "where the host's files are, in a container (default: /)"},
	{{"cdi", required_argument, NULL, OPT_CDI},
	 offsetof(struct options, cdi),
	 "DIR",
	 "where devices are described (default: " CDI_FOLDER ")"},
	{{"verbose", no_argument, NULL, 'v'}, 0, NULL, "log more"},
	{{"help", no_argument, NULL, 'h'}, 0, NULL, "print this"},
	{{"version", no_argument, NULL, 'V'}, 0, NULL, "print the version"},
};

static void print_help(void)
{
	printf("usage: carved [options]\n\nShare the MIG instances of this server by policy.\n\n"
	       "options:\n");
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++) {
		char left[40];

		snprintf(left, sizeof(left), "--%s%s%s", opts[i].option.name,
			 opts[i].arg ? " " : "", opts[i].arg ? opts[i].arg : "");
		printf("  %-20s %s\n", left, opts[i].help);
	}
	printf("\nThe manual: man carved\n");
}

static int parse_options(int argc, char **argv, struct options *ret, struct err *err)
{
	struct option options[ARRAY_SIZE(opts) + 1] = {0};
	int found;

	*ret = (struct options){
		.policy = POLICY_PATH, .ledger = LEDGER_PATH, .socket = SOCKET_PATH, .root = "/",
		.cdi = CDI_FOLDER};
	for (size_t i = 0; i < ARRAY_SIZE(opts); i++)
		options[i] = opts[i].option;
	opterr = 0;
	while ((found = getopt_long(argc, argv, ":hvV", options, NULL)) != -1) {
		if (found == 'h')
			ret->help = true;
		else if (found == 'V')
			ret->version = true;
		else if (found == 'v')
			log_set_level(LOG_LEVEL_DEBUG);
		else if (found == ':')
			return fail(err, ERR_INVALID, "%s needs a value", argv[optind - 1]);
		else if (found == '?')
			return fail(err, ERR_INVALID, "there is no option '%.80s'",
				    argv[optind - 1]);
		else
			*(const char **)((char *)ret + opts[found - OPT_POLICY].at) = optarg;
	}
	if (optind < argc)
		return fail(err, ERR_INVALID, "'%.80s' is one word too many", argv[optind]);
	return 0;
}

/* ---- the steward's hooks ---- */

static void submit(void *arg, size_t worker, struct job *take_job)
{
	struct carved *carved = arg;

	workers_submit(carved->workers, worker, take_job);
}

static void changed(void *arg, int64_t lease)
{
	struct carved *carved = arg;

	if (carved->http)
		http_lease_changed(carved->http, lease);
}

static void watch_process(void *arg, int64_t lease, pid_t pid, uint64_t pid_start)
{
	struct carved *carved = arg;

	watch_add(carved->watch, lease, pid, pid_start);
}

static void unwatch_process(void *arg, int64_t lease)
{
	struct carved *carved = arg;

	watch_remove(carved->watch, lease);
}

static const struct policy_person *person(void *arg, uid_t uid)
{
	struct carved *carved = arg;

	return users_known(carved->users, uid);
}

static int noted(void *arg, const struct ledger_event *event, struct err *err)
{
	struct carved *carved = arg;

	return notifier_note(carved->notifier, carved->steward.policy, event, err);
}

/* ---- other managers ---- */

static void look_for_managers(struct carved *carved)
{
	cleanup(tree_close) struct tree tree = {.fd = -1};
	const char *hint = "";
	struct managers managers;
	struct err err = ERR_INIT;
	char owner[256] = "";

	carved->next_managers_s = clock_now_s() + MANAGERS_S;
	if (tree_open(carved->options.root, &tree, &err)) {
		log_warning("other managers of MIG cannot be looked for: %s", err.text);
		return;
	}
	managers_probe(&tree, &managers);
	managers_owner(&managers, owner, sizeof(owner), &hint);
	if (strcmp(owner, carved->steward.observing) != 0)
		log_warning("%s", *owner ? owner : "no other manager decides about MIG here any more");
	steward_set_observing(&carved->steward, owner, hint, clock_now_s());
}

/* ---- the policy ---- */

/* What decides about GPUs must not be anybody's to write. */
static int load_policy(const struct carved *carved, struct policy **ret, struct err *err)
{
	const char *path = carved->options.policy;
	int r = file_check_guarded(path, err);

	r = r ? r : policy_load(path, ret, err);
	if (!r)
		policy_set_driver(*ret, carved->api.driver.driver);
	return r;
}

static int reload_policy(void *arg, const char *by, struct err *err)
{
	struct carved *carved = arg;
	struct policy *policy;
	char name[LEDGER_NAME];
	int r = load_policy(carved, &policy, err);

	snprintf(name, sizeof(name), "%s", by); /* is forgotten with the users */
	users_forget(carved->users);
	look_for_managers(carved);
	if (r) {
		carved->api.policy_error = *err;
		log_warning("policy refused, the former one stays in force: %s", err->text);
		steward_tell(&carved->steward, EVENT_POLICY_REFUSED, name, clock_now_s(), "%s",
			     err->text);
		return r;
	}
	carved->api.policy_error = ERR_INIT;
	carved->api.policy_loaded_s = clock_now_s();
	steward_set_policy(&carved->steward, policy, name, clock_now_s());
	log_info("policy '%s' loaded", carved->options.policy);
	return 0;
}

/* ---- the loop ---- */

static void on_workers(struct carved *carved)
{
	bool event = false;
	struct job *job;

	while ((job = workers_take(carved->workers, &event)))
		steward_done(&carved->steward, job, clock_now_s());
	if (steward_isolate_hurries(&carved->steward) && carved->next_tick_s > clock_now_s() + 1)
		carved->next_tick_s = clock_now_s() + 1;
	if (event)
		steward_look(&carved->steward);
}

static void on_watch(struct carved *carved)
{
	int64_t lease;

	while (watch_next(carved->watch, &lease))
		steward_holder_gone(&carved->steward, lease, clock_now_s());
}

static void on_signal(struct carved *carved)
{
	struct signalfd_siginfo info;
	struct err err = ERR_INIT;

	while (read(carved->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			reload_policy(carved, "carved", &err);
		} else {
			carved->stop = true;
			carved->stop_signal = (int)info.ssi_signo;
		}
	}
}

static void on_notices(struct carved *carved)
{
	carved->next_notice_s = notifier_run(carved->notifier, carved->steward.policy, clock_now_s());
}

static void on_http(struct carved *carved)
{
	http_run(carved->http);
}

static int add_source(struct carved *carved, int fd, void (*fn)(struct carved *), struct err *err)
{
	struct epoll_event event = {.events = EPOLLIN};

	memcpy(&event.data.ptr, &fn, sizeof(fn));
	if (epoll_ctl(carved->epoll, EPOLL_CTL_ADD, fd, &event))
		return fail(err, ERR_IO, "epoll: %s", strerror(errno));
	return 0;
}

/* Into the log, which others keep: from there on, what is in the ledger cannot be made anew. */
static void tell_head(struct carved *carved, int64_t now_s)
{
	char text[LEDGER_HEAD_TEXT];
	struct ledger_head head;
	struct err err = ERR_INIT;

	carved->next_head_s = now_s + TELL_HEAD_S;
	if (!ledger_head(carved->ledger, &head, &err))
		log_info("audit head %s", ledger_head_format(text, sizeof(text), &head));
}

static void tick(struct carved *carved)
{
	int64_t now_s = clock_now_s();
	int64_t http_s;

	if (now_s >= carved->next_managers_s || carved->next_managers_s > now_s + MANAGERS_S)
		look_for_managers(carved);
	if (now_s >= carved->next_tick_s || carved->next_tick_s > now_s + 60) {
		on_watch(carved);
		carved->next_tick_s = steward_tick(&carved->steward, now_s);
	}
	if (now_s >= carved->next_head_s)
		tell_head(carved, now_s);
	http_s = http_tick(carved->http, now_s);
	http_run(carved->http);
	if (http_s < carved->next_tick_s)
		carved->next_tick_s = http_s;
	on_notices(carved); /* of what was just written too */
	if (carved->next_notice_s < carved->next_tick_s)
		carved->next_tick_s = carved->next_notice_s;
	carved->foresees = steward_foresee(&carved->steward);
}

static int wait_ms(const struct carved *carved)
{
	int64_t left_s = carved->next_tick_s - clock_now_s();
	int ms = left_s <= 0 ? 10 : left_s > 60 ? 60000 : (int)left_s * 1000;
	int http_ms = http_timeout_ms(carved->http);

	if (carved->foresees)
		return 0;
	return http_ms >= 0 && http_ms < ms ? http_ms : ms;
}

static void run(struct carved *carved)
{
	while (!carved->stop) {
		struct epoll_event events[8];
		int n = epoll_wait(carved->epoll, events, ARRAY_SIZE(events), wait_ms(carved));

		for (int i = 0; i < n; i++) {
			void (*fn)(struct carved *);

			memcpy(&fn, &events[i].data.ptr, sizeof(fn));
			fn(carved);
		}
		tick(carved);
	}
}

/* ---- life ---- */

static int open_backend(struct carved *carved, struct err *err)
{
	struct backend *inner;
	int r = backend_nvml_open(carved->options.library, &inner, err);

	if (r)
		return r;
	carved->backend = inner;
	if (carved->options.record)
		r = backend_record_open(steal(carved->backend), carved->options.record,
					&carved->backend, err);
	return r ? r : carved->backend->ops->driver(carved->backend, &carved->api.driver, err);
}

static int open_ledger(struct carved *carved, struct err *err)
{
	cleanup(free) char *folder = strdup(carved->options.ledger);
	char *slash = folder ? strrchr(folder, '/') : NULL;
	int r = 0;

	if (slash && slash != folder) {
		*slash = '\0';
		r = file_mkdirs(folder, 0700, err);
	}
	return r ? r : ledger_open(carved->options.ledger, &carved->ledger, err);
}

static int open_signals(struct carved *carved, struct err *err)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	carved->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (carved->signals < 0)
		return fail(err, ERR_IO, "signalfd: %s", strerror(errno));
	return add_source(carved, carved->signals, on_signal, err);
}

static int open_steward(struct carved *carved, struct err *err)
{
	const struct steward_hooks hooks = {
		.arg = carved,
		.submit = submit,
		.changed = changed,
		.watch = watch_process,
		.unwatch = unwatch_process,
		.person = person,
		.noted = noted,
	};
	struct policy *policy;
	int r = load_policy(carved, &policy, err);

	if (r == -ERR_NOT_FOUND)
		return fail_hint(err,
				 "carve-policy(5) tells how to write one, and has a whole example");
	if (r)
		return r;
	carved->api.policy_loaded_s = clock_now_s();
	r = steward_init(&carved->steward, carved->ledger, policy, &hooks, clock_now_s(), err);
	return r ? r
		 : steward_isolate_begin(&carved->steward,
					 &(struct isolate_host){"/dev", "/proc",
								carved->options.cdi},
					 err);
}

/* Nobody is let in before the GPUs were looked at once. */
static void first_look(struct carved *carved)
{
	struct job *job = job_new(JOB_SURVEY, NULL);

	if (!job)
		return;
	carved->steward.surveying = true;
	job_run(job, carved->backend);
	steward_done(&carved->steward, job, clock_now_s());
}

static int open_http(struct carved *carved, struct err *err)
{
	int listener;
	int r = http_listen(carved->options.socket, &listener, err);

	r = r ? r : http_new(listener, &carved->api, carved->users, &carved->http, err);
	return r ? r : add_source(carved, http_fd(carved->http), on_http, err);
}

/* Each who waits or holds is watched through a file of his own. */
static void allow_many_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= MANY_FILES)
		return;
	limit.rlim_cur = limit.rlim_max < MANY_FILES ? limit.rlim_max : MANY_FILES;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct carved *carved, struct err *err)
{
	int r;

	allow_many_files();
	carved->epoll = epoll_create1(EPOLL_CLOEXEC);
	carved->users = users_new();
	if (carved->epoll < 0 || !carved->users)
		return fail(err, ERR_NOMEM, "no memory");
	r = open_signals(carved, err);
	r = r ? r : open_ledger(carved, err);
	r = r ? r : notifier_new(carved->ledger, &carved->notifier, err);
	r = r ? r : open_backend(carved, err);
	r = r ? r : privilege_drop(err);
	r = r ? r : workers_new(carved->backend, &carved->workers, err);
	r = r ? r : watch_new(&carved->watch, err);
	r = r ? r : open_steward(carved, err);
	if (r)
		return r;
	carved->api.steward = &carved->steward;
	carved->api.notifier = carved->notifier;
	carved->api.policy_path = carved->options.policy;
	carved->api.reload = reload_policy;
	carved->api.arg = carved;
	look_for_managers(carved);
	first_look(carved);
	r = add_source(carved, workers_fd(carved->workers), on_workers, err);
	r = r ? r : add_source(carved, watch_fd(carved->watch), on_watch, err);
	r = r ? r : add_source(carved, notifier_fd(carved->notifier), on_notices, err);
	return r ? r : open_http(carved, err);
}

static void tell_started(struct carved *carved)
{
	struct steward *steward = &carved->steward;

	steward_tell(steward, EVENT_STARTED, "carved", clock_now_s(),
		     "carved %s, driver %s, GPUs: %zu", CARVE_VERSION, carved->api.driver.driver,
		     steward->n_gpus);
	log_info("carved %s: driver %s, GPUs: %zu, listening on %s", CARVE_VERSION,
		 carved->api.driver.driver, steward->n_gpus, carved->options.socket);
	if (steward->survey_trouble.code)
		log_warning("the GPUs cannot be looked at: %s", steward->survey_trouble.text);
}

static void stop(struct carved *carved)
{
	log_info("stopping; leases go on");
	unlink(carved->options.socket);
	http_free(carved->http);
	carved->http = NULL;
	/* A driver call that hangs must not keep us: the next start finishes what it began. */
	if (!workers_stop(carved->workers, STOP_S)) {
		log_warning("the driver does not come back; stopping all the same");
		_exit(0);
	}
	on_workers(carved);
	steward_places_tidy(&carved->steward);
	steward_tell(&carved->steward, EVENT_STOPPED, "carved", clock_now_s(), "signal %d",
		     carved->stop_signal);
	tell_head(carved, clock_now_s());
	if (!notifier_stop(carved->notifier, STOP_S)) {
		log_warning("a notice does not come back; it is told again by the next start");
		_exit(0);
	}
}

static void close_all(struct carved *carved)
{
	http_free(carved->http);
	if (carved->workers && !workers_stop(carved->workers, STOP_S))
		_exit(1);
	if (!notifier_stop(carved->notifier, STOP_S))
		_exit(1);
	steward_done_with(&carved->steward);
	notifier_free(carved->notifier);
	workers_free(carved->workers);
	watch_free(carved->watch);
	users_free(carved->users);
	ledger_close(carved->ledger);
	backend_close(carved->backend);
	if (carved->signals >= 0)
		close(carved->signals);
	if (carved->epoll >= 0)
		close(carved->epoll);
}

static int complain(const struct err *err)
{
	log_error("%s%s%s", err->text, err->hint[0] ? "; " : "", err->hint);
	return err_exit_status(err->code);
}

int main(int argc, char **argv)
{
	static struct carved carved = {.epoll = -1, .signals = -1};
	struct err err = ERR_INIT;
	int status = 0;

	if (parse_options(argc, argv, &carved.options, &err))
		return complain(&err);
	if (carved.options.help) {
		print_help();
		return 0;
	}
	if (carved.options.version) {
		printf("carved %s\n", CARVE_VERSION);
		return 0;
	}
	if (start(&carved, &err)) {
		status = complain(&err);
	} else {
		tell_started(&carved);
		run(&carved);
		stop(&carved);
	}
	close_all(&carved);
	return status;
}
