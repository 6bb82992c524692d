// SPDX-License-Identifier: GPL-2.0-or-later
/* `--output FILE`: standard output becomes a file that is there as a whole or not at all. */
#include "output_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool.h"

int output_begin(const char *output, char **ret_staged)
{
	char *staged = NULL;

	if (asprintf(&staged, "%s.XXXXXX", output) < 0)
		return -ENOMEM;
	AUTO_CLOSE int fd = mkostemp(staged, O_CLOEXEC);
	if (fd < 0 || fchmod(fd, 0644) < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		int error = -errno;

		if (fd >= 0)
			(void)unlink(staged);
		free(staged);
		return error < 0 ? error : -EIO;
	}
	*ret_staged = staged;
	return 0;
}

enum exit_code output_end(const char *output, const char *staged, enum exit_code code)
{
	if (code != EXIT_AS_WANTED) {
		(void)unlink(staged);
		return code;
	}
	if (fsync(STDOUT_FILENO) == 0 && rename(staged, output) == 0)
		return EXIT_AS_WANTED;
	code = report_system(output, -errno);
	(void)unlink(staged);
	return code;
}
