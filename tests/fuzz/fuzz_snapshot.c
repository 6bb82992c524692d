// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes the unpacking of snapshots. No fuzzer guesses the checksums of gzip and tar: an input
 * that begins with '@' is a description, from which the archive is made. Each of its lines is a
 * member: its type, its path, a bar, its content or target.
 */
#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fuzz.h"
#include "snapshot_file.h"
#include "temporary.h"

static char directory[] = "/tmp/fuzz-snapshot-XXXXXX";
static char file[sizeof(directory) + 16];
static char unpacked[sizeof(directory) + 16];
static char canary[sizeof(directory) + 16];

static void clean_up(void)
{
	(void)unlink(file);
	(void)unlink(canary);
	(void)rmdir(unpacked);
	(void)rmdir(directory);
}

static void set_up(void)
{
	MUST(mkdtemp(directory) != NULL);
	(void)snprintf(file, sizeof(file), "%s/file", directory);
	(void)snprintf(unpacked, sizeof(unpacked), "%s/unpacked", directory);
	(void)snprintf(canary, sizeof(canary), "%s/canary", directory);
	int fd = open(canary, O_WRONLY | O_CREAT, 0600);
	MUST(fd >= 0 && close(fd) == 0 && mkdir(unpacked, 0700) == 0);
	MUST(setenv("TMPDIR", unpacked, 1) == 0);
	(void)atexit(clean_up);
}

static mode_t type_of(char letter)
{
	switch (letter) {
	case 'd':
		return AE_IFDIR;
	case 'l':
		return AE_IFLNK;
	case 'b':
		return AE_IFBLK;
	case 'p':
		return AE_IFIFO;
	default:
		return AE_IFREG;
	}
}

static void write_member(struct archive *archive, char *line)
{
	struct archive_entry *entry = archive_entry_new();
	char *path = line + 1;
	char *content = strchr(line, '|');

	if (content != NULL)
		*content++ = '\0';
	else
		content = line + strlen(line);
	if (line[0] == '\0' || *path == '\0') {
		archive_entry_free(entry);
		return;
	}
	archive_entry_set_pathname(entry, path);
	archive_entry_set_filetype(entry, type_of(line[0]));
	archive_entry_set_perm(entry, 0644);
	if (line[0] == 'l')
		archive_entry_set_symlink(entry, content);
	if (line[0] == 'h')
		archive_entry_set_hardlink(entry, content);
	archive_entry_set_size(entry,
			       type_of(line[0]) == AE_IFREG ? (int64_t)strlen(content) : 0);
	if (archive_write_header(archive, entry) == ARCHIVE_OK && line[0] != 'h' &&
	    type_of(line[0]) == AE_IFREG)
		(void)archive_write_data(archive, content, strlen(content));
	archive_entry_free(entry);
}

static void write_archive(char *description)
{
	struct archive *archive = archive_write_new();
	char *rest = NULL;

	MUST(archive != NULL && archive_write_add_filter_gzip(archive) == ARCHIVE_OK &&
	     archive_write_set_format_pax_restricted(archive) == ARCHIVE_OK &&
	     archive_write_open_filename(archive, file) == ARCHIVE_OK);
	for (char *line = strtok_r(description, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest))
		write_member(archive, line);
	(void)archive_write_close(archive);
	(void)archive_write_free(archive);
}

static void write_raw(const char *data, size_t size)
{
	int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	MUST(fd >= 0 && write(fd, data, size) == (ssize_t)size && close(fd) == 0);
}

/* Nothing was written beside the directory for it, and that one is empty again. */
static void check_around(void)
{
	struct stat st;
	unsigned count = 0;
	DIR *dir = opendir(directory);

	MUST(dir != NULL && stat(canary, &st) == 0 && st.st_size == 0);
	while (readdir(dir) != NULL)
		count++;
	(void)closedir(dir);
	MUST(count == 5);
	(void)rmdir(unpacked);
	MUST(mkdir(unpacked, 0700) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char reason[SNAPSHOT_REASON_SIZE];
	struct root root;
	char *string = malloc(size + 1);

	MUST(string != NULL);
	if (unpacked[0] == '\0')
		set_up();
	if (size > 0)
		memcpy(string, data, size);
	string[size] = '\0';
	if (string[0] == '@')
		write_archive(string + 1);
	else
		write_raw(string, size);
	if (snapshot_open(file, &root, reason) == 0)
		root_close(&root);
	else
		MUST(reason[0] != '\0');
	temporary_remove();
	check_around();
	free(string);
	return 0;
}
