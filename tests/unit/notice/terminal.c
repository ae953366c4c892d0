/* On the holder's terminals, where he takes messages, and nowhere else; never waiting. */
#include "../tap.h"

#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

#include "base/cleanup.h"
#include "notice/notice-send.h"

struct session {
	int master, slave;
	char path[64];
};

static struct session begin(void)
{
	struct session session;

	if (openpty(&session.master, &session.slave, session.path, NULL, NULL)) {
		print_message("# no terminals here\n");
		skip();
	}
	assert_int_equal(fchmod(session.slave, 0620), 0);
	fcntl(session.master, F_SETFL, O_NONBLOCK);
	return session;
}

static void end(struct session *session)
{
	close(session->master);
	close(session->slave);
}

static const char *shown(const struct session *session)
{
	static char text[2048];
	ssize_t n = read(session->master, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static void log_in(const char *utmp, short type, const char *user, const char *line)
{
	cleanup(fclose) FILE *file = fopen(utmp, "a");
	struct utmp entry;

	memset(&entry, 0, sizeof(entry));
	entry.ut_type = type;
	strncpy(entry.ut_user, user, sizeof(entry.ut_user) - 1);
	strncpy(entry.ut_line, line, sizeof(entry.ut_line) - 1);
	assert_int_equal(fwrite(&entry, sizeof(entry), 1, file), 1);
}

static void test_who_is_told(void **state)
{
	char utmp[] = "/tmp/carve-utmp-XXXXXX";
	struct session session = begin();
	const char *line = session.path + strlen("/dev/");
	uid_t me = getuid();
	struct stat st;

	(void)state;
	close(mkstemp(utmp));
	assert_int_equal(fstat(session.slave, &st), 0);
	me = st.st_uid;
	assert_int_equal(notice_terminal_write(utmp, "/dev", "ann", me, "x"), 0); /* not here */
	log_in(utmp, USER_PROCESS, "bob", line);
	log_in(utmp, DEAD_PROCESS, "ann", line);
	log_in(utmp, USER_PROCESS, "ann", "../etc/passwd");
	log_in(utmp, USER_PROCESS, "ann", "pts/../ptmx");
	log_in(utmp, USER_PROCESS, "ann", ":0");
	log_in(utmp, USER_PROCESS, "annabel", line);
	assert_int_equal(notice_terminal_write(utmp, "/dev", "ann", me, "x"), 0);
	assert_string_equal(shown(&session), "");

	log_in(utmp, USER_PROCESS, "ann", line);
	assert_int_equal(notice_terminal_write(utmp, "/dev", "ann", me, "ends\n\033[31msoon"), 1);
	assert_non_null(strstr(shown(&session), "\acarve: ends ?[31msoon\r"));

	/* Somebody else has the terminal by now. */
	assert_int_equal(notice_terminal_write(utmp, "/dev", "ann", me + 1, "x"), 0);
	/* mesg n */
	assert_int_equal(fchmod(session.slave, 0600), 0);
	assert_int_equal(notice_terminal_write(utmp, "/dev", "ann", me, "x"), 0);
	assert_string_equal(shown(&session), "");
	assert_int_equal(notice_terminal_write("/nonexistent", "/dev", "ann", me, "x"), 0);
	unlink(utmp);
	end(&session);
}

/* A terminal that nobody reads, and one that was stopped with ^S. */
static void test_never_waits(void **state)
{
	char utmp[] = "/tmp/carve-utmp-XXXXXX", text[900];
	struct session session = begin();
	struct stat st;

	(void)state;
	close(mkstemp(utmp));
	assert_int_equal(fstat(session.slave, &st), 0);
	log_in(utmp, USER_PROCESS, "ann", session.path + strlen("/dev/"));
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	alarm(20);
	for (int i = 0; i < 200; i++)
		notice_terminal_write(utmp, "/dev", "ann", st.st_uid, text);
	alarm(0);
	assert_int_equal(notice_terminal_write(utmp, "/dev", "ann", st.st_uid, text), 0);
	unlink(utmp);
	end(&session);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_is_told),
		cmocka_unit_test(test_never_waits),
	};

	return tap_run(tests);
}
