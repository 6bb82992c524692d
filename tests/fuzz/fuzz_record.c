// SPDX-License-Identifier: GPL-2.0-or-later
/* Fuzzes the readers of boot.json: the tool's, and the late part that the helper adds. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "boot_record.h"
#include "fuzz.h"
#include "record.h"
#include "version.h"

static struct root root = { .fd = -1 };
static char directory[] = "/tmp/fuzz-record-XXXXXX";

static void clean_up(void)
{
	(void)unlinkat(root.fd, RUN_RECORD_PATH, 0);
	(void)unlinkat(root.fd, "run/vfio-claim", AT_REMOVEDIR);
	(void)unlinkat(root.fd, "run", AT_REMOVEDIR);
	(void)rmdir(directory);
}

/* The late part goes where the early one ends; what has another end is refused. */
static void check_late(const char *early)
{
	static const struct plan plan;
	static const struct guards guards;
	const struct record record = { .enabled = true };
	char *json;

	if (record_render_late(early, &record, &plan, &guards, &json) < 0)
		return;
	MUST(record_has_late(json));
	size_t whole = strlen(early) - strlen("}\n");
	while (whole > 0 && early[whole - 1] == '\n')
		whole--;
	MUST(strncmp(early, json, whole) == 0);
	free(json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct boot_record record = { 0 };
	char *string = malloc(size + 1);

	MUST(string != NULL);
	if (size > 0)
		memcpy(string, data, size);
	string[size] = '\0';
	check_late(string);
	if (root.fd < 0) {
		MUST(mkdtemp(directory) != NULL && root_open(directory, &root) == 0);
		(void)atexit(clean_up);
	}
	if (strlen(string) == size) {
		/* Not root_write_file(): its fsync() would be most of the time. */
		if (faccessat(root.fd, RUN_RECORD_PATH, F_OK, 0) < 0)
			MUST(root_write_file(&root, RUN_RECORD_PATH, "") == 0);
		int fd = openat(root.fd, RUN_RECORD_PATH, O_WRONLY | O_TRUNC);
		MUST(fd >= 0 && write(fd, string, size) == (ssize_t)size);
		(void)close(fd);
		int r = boot_record_read(&root, &record);
		MUST(r == 0 || r == -EBADMSG || r == -ENOMEM);
		MUST(r < 0 || record.found);
		if (r == 0)
			boot_record_free(&record);
	}
	free(string);
	return 0;
}
