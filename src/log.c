// SPDX-License-Identifier: GPL-2.0-or-later
/* Messages of the boot helper: to the kernel's log on a host, to stderr elsewhere. */
#include "log.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>

/* A line of the kernel's log holds about 1,000 bytes (kernel/printk/printk.c). */
enum { LINE_SIZE = 960 };

static const struct root *log_root;
static bool log_debug;

void log_open(const struct root *root, bool debug)
{
	log_root = root;
	log_debug = debug;
}

/*
 * Opened anew for each line: before systemd sets printk_devkmsg, the kernel lets ten lines in
 * five seconds through an open /dev/kmsg (devkmsg_open() gives each its own limit), and a
 * machine may have more devices than that.
 */
static bool write_kmsg(const char *line)
{
	if (log_root == NULL || !log_root->is_host)
		return false;
	AUTO_CLOSE int fd = openat(log_root->fd, "dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	return fd >= 0 && write(fd, line, strlen(line)) > 0;
}

void log_line(enum log_level level, const char *format, ...)
{
	char line[LINE_SIZE];
	va_list args;

	if (level == LOG_LEVEL_DEBUG && !log_debug)
		return;
	int used = snprintf(line, sizeof(line), "<%d>vfio-claim: ", level);
	va_start(args, format);
	(void)vsnprintf(line + used, sizeof(line) - (size_t)used, format, args);
	va_end(args);
	if (!write_kmsg(line))
		(void)fprintf(stderr, "%s\n", line + 3);
}
