// SPDX-License-Identifier: GPL-2.0-or-later
/* measure FILE COMMAND...: runs it and writes wall and CPU microseconds and the peak of memory in
 * KiB to FILE. A small program of its own: whoever is started by a large one counts as large. */
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec * 1e6 + (double)time.tv_nsec / 1e3;
}

static double microseconds(struct timeval time)
{
	return (double)time.tv_sec * 1e6 + (double)time.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage usage;
	int status;

	if (argc < 3)
		return 2;
	double begin = now();
	pid_t child = fork();
	if (child == 0) {
		(void)execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (child < 0 || wait4(child, &status, 0, &usage) < 0)
		return 1;
	double wall = now() - begin;
	FILE *out = fopen(argv[1], "we");
	if (out == NULL)
		return 1;
	(void)fprintf(out, "%.0f %.0f %ld\n", wall,
		      microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
		      usage.ru_maxrss);
	return fclose(out) == 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
