// SPDX-License-Identifier: GPL-2.0-or-later
/* What the tools of one run of `apply` or `revert` print. */
#include "run_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>

enum { LINES_SHOWN = 15 };

int run_log_open(const struct root *root, struct run_log *ret_log)
{
	struct run_log log = { .root = root };

	/* A directory there, say: root_make_file() says so too. */
	(void)!root_remove(root, RUN_LOG_PATH);
	log.fd = root_make_file(root, RUN_LOG_PATH, 0600);
	log.has_path = log.fd >= 0;
	if (!log.has_path)
		log.fd = memfd_create("vfio-claim.log", MFD_CLOEXEC);
	if (log.fd < 0)
		return -errno;
	*ret_log = log;
	return 0;
}

void run_log_remove(const struct run_log *log)
{
	struct stat ours;
	struct stat there;

	if (log->has_path && fstat(log->fd, &ours) == 0 &&
	    root_stat(log->root, RUN_LOG_PATH, AT_SYMLINK_NOFOLLOW, &there) == 0 &&
	    ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		(void)!root_remove(log->root, RUN_LOG_PATH);
}

/* A stream of its own on the same file, read from the start. NULL when that fails. */
static FILE *open_stream(int log)
{
	int fd = fcntl(log, F_DUPFD_CLOEXEC, 0);
	FILE *stream = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (stream != NULL)
		rewind(stream);
	else if (fd >= 0)
		(void)close(fd);
	return stream;
}

void run_log_print_end(const struct run_log *log)
{
	FILE *stream = open_stream(log->fd);
	char *lines[LINES_SHOWN] = { NULL };
	size_t room = 0;
	size_t next = 0;
	char *line = NULL;

	if (stream == NULL)
		return;
	while (getline(&line, &room, stream) > 0) {
		free(lines[next]);
		lines[next] = line;
		next = (next + 1) % LINES_SHOWN;
		line = NULL;
		room = 0;
	}
	free(line);
	(void)fclose(stream);
	for (size_t i = 0; i < LINES_SHOWN; i++) {
		char *shown = lines[(next + i) % LINES_SHOWN];

		if (shown != NULL)
			(void)fprintf(stderr, "  | %s", shown);
		free(shown);
	}
}

void run_log_close(struct run_log *log)
{
	cleanup_close(&log->fd);
	log->fd = -1;
}
