/* A mail, by the interface that every mail server brings: sendmail -t, the mail on its input. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/text.h"
#include "notice/notice-fill.h"
#include "notice/notice-send.h"

#define SLICE_MS 200

static void write_mail(const struct notice_message *message, struct text *ret)
{
	const struct ledger_notice *notice = &message->notice;
	char text[1100];

	text_addf(ret, "From: %s\nTo: %s\n", message->from, notice->recipient);
	text_addf(ret, "Subject: carve: %s\n", notice->kind);
	text_addf(ret, "Message-ID: <carve-%" PRId64 "-%" PRId64 "@%s>\n", notice->id,
		  notice->event, message->host);
	text_add(ret, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
		      "Content-Type: text/plain; charset=utf-8\n"
		      "Content-Transfer-Encoding: 8bit\n\n");
	text_addf(ret, "%s\n\ncarve on %s\n", notice_text(text, sizeof(text), notice),
		  message->host);
}

/* In a group of its own, so that what it starts ends with it; with nothing of ours but its input. */
static int start(const char *command, int input, pid_t *ret, struct err *err)
{
	static char name[] = "sendmail", to[] = "-t", dots[] = "-i";
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", locale[] = "LC_ALL=C";
	char *const argv[] = {name, to, dots, NULL};
	char *const env[] = {path, locale, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawn_file_actions_adddup2(&actions, input, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
	posix_spawn_file_actions_addchdir_np(&actions, "/");
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
						POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	error = posix_spawn(ret, command, &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	if (!error)
		return 0;
	return fail(err,
		    error == ENOENT   ? ERR_NOT_FOUND
		    : error == EACCES ? ERR_DENIED
				      : ERR_IO,
		    "cannot run '%s': %s", command, strerror(error));
}

static bool is_over(int64_t until_ns, const atomic_bool *stopping)
{
	return clock_monotonic_ns() > until_ns || atomic_load(stopping);
}

/* It may be slow to read, or not read at all; what it exits with is what counts. */
static void feed(int fd, const struct text *mail, int64_t until_ns, const atomic_bool *stopping)
{
	size_t at = 0;

	while (at < mail->len && !is_over(until_ns, stopping)) {
		struct pollfd wait = {.fd = fd, .events = POLLOUT};
		ssize_t n;

		if (poll(&wait, 1, SLICE_MS) <= 0)
			continue;
		n = write(fd, text_str(mail) + at, mail->len - at);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return;
		at += n > 0 ? (size_t)n : 0;
	}
}

static int finish(pid_t pid, const char *command, int64_t until_ns, const atomic_bool *stopping,
		  struct err *err)
{
	const struct timespec slice = {.tv_nsec = SLICE_MS / 10 * 1000000L};
	int status;

	while (waitpid(pid, &status, WNOHANG) == 0) {
		if (is_over(until_ns, stopping)) {
			kill(-pid, SIGKILL);
			waitpid(pid, &status, 0);
			return fail(err, ERR_TIMEOUT, "'%s' did not end within %d s", command,
				    NOTICE_PATIENCE_S);
		}
		nanosleep(&slice, NULL);
	}
	kill(-pid, SIGKILL); /* what it left behind */
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	return WIFEXITED(status) ? fail(err, ERR_IO, "'%s' exited with %d", command,
					WEXITSTATUS(status))
				 : fail(err, ERR_IO, "'%s' was killed by signal %d", command,
					WTERMSIG(status));
}

void notice_mail(struct notice_message *message, const atomic_bool *stopping)
{
	int64_t until_ns = clock_monotonic_ns() + NOTICE_PATIENCE_S * INT64_C(1000000000);
	cleanup(text_done) struct text mail = TEXT_INIT;
	int pipe_fds[2], r;
	pid_t pid;

	write_mail(message, &mail);
	if (text_failed(&mail)) {
		fail(&message->err, ERR_NOMEM, "no memory for a mail");
		return;
	}
	if (pipe2(pipe_fds, O_CLOEXEC)) {
		fail(&message->err, ERR_IO, "pipe: %s", strerror(errno));
		return;
	}
	r = start(message->command, pipe_fds[0], &pid, &message->err);
	close(pipe_fds[0]);
	if (!r) {
		fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK);
		feed(pipe_fds[1], &mail, until_ns, stopping);
	}
	close(pipe_fds[1]);
	if (!r)
		finish(pid, message->command, until_ns, stopping, &message->err);
}
