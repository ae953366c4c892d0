/*
 * A line on the holder's terminals: only where he is logged in by name, the terminal belongs to
 * him, and others may write to it, which is what mesg(1) changes. Nothing waits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmp.h>

#include "base/cleanup.h"
#include "base/text.h"
#include "notice/notice-fill.h"
#include "notice/notice-send.h"

#define MAX_SESSIONS 4096

/* "pts/3" or "tty1", and nothing that leads elsewhere. */
static bool is_line(const char *line)
{
	const char *number = line;

	if (!strncmp(line, "pts/", 4))
		number += 4;
	else if (!strncmp(line, "tty", 3))
		number += 3;
	else
		return false;
	return *number && strspn(number, "0123456789abcdefghijklmnopqrstuvwxyzACMSU") ==
				  strlen(number);
}

static bool may_write(int fd, uid_t uid)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISCHR(st.st_mode) && st.st_uid == uid &&
	       (st.st_mode & S_IWGRP) && isatty(fd);
}

static bool write_line(const char *dev, const char *line, uid_t uid, const char *text)
{
	cleanup(close) int fd = -1;
	char path[128], out[1200];
	int len;

	snprintf(path, sizeof(path), "%s/%s", dev, line);
	fd = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || !may_write(fd, uid))
		return false;
	len = snprintf(out, sizeof(out), "\r\n\acarve: %s\r\n", text);
	if (len >= (int)sizeof(out))
		len = (int)sizeof(out) - 1;
	return write(fd, out, (size_t)len) > 0;
}

unsigned notice_terminal_write(const char *utmp, const char *dev, const char *user, uid_t uid,
			       const char *text)
{
	cleanup(fclose) FILE *file = fopen(utmp, "re");
	struct utmp entry;
	unsigned n_written = 0;
	char safe[1100], line[UT_LINESIZE + 1];

	text_printable(safe, sizeof(safe), text);
	for (unsigned i = 0;
	     file && i < MAX_SESSIONS && fread(&entry, sizeof(entry), 1, file) == 1; i++) {
		if (entry.ut_type != USER_PROCESS ||
		    strncmp(entry.ut_user, user, sizeof(entry.ut_user)) != 0)
			continue;
		snprintf(line, sizeof(line), "%.*s", UT_LINESIZE, entry.ut_line);
		n_written += is_line(line) && write_line(dev, line, uid, safe);
	}
	return n_written;
}

void notice_terminal(struct notice_message *message, const atomic_bool *stopping)
{
	char text[1100];

	(void)stopping;
	notice_terminal_write("/run/utmp", "/dev", message->notice.recipient, message->notice.uid,
			      notice_text(text, sizeof(text), &message->notice));
}
