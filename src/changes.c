// SPDX-License-Identifier: GPL-2.0-or-later
/* A set of files to write or remove, carried out as a whole. */
#include "changes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "text.h"

enum {
	FILE_SIZE_MOST = 1 << 20,
	DEFAULT_MODE = 0644,
	TEMPORARY_SIZE = sizeof("/tmp/vfio-claim.XXXXXX"),
	NO_PROGRAM = 127, /* as a shell ends then */
	DIFF_MISSING = 1,
};

/* Reads a file that is ours to replace: a link would send us to a file that is not. */
static int read_old(const struct root *root, const char *path, char **ret_text,
		    mode_t *ret_mode)
{
	struct stat st;
	size_t length;

	*ret_text = NULL;
	*ret_mode = DEFAULT_MODE;
	int r = root_stat(root, path, AT_SYMLINK_NOFOLLOW, &st);
	if (r < 0)
		return r == -ENOENT || r == -ENOTDIR ? 0 : r;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	*ret_mode = st.st_mode & 07777;
	r = root_read(root, path, FILE_SIZE_MOST, ret_text, &length);
	if (r == 0 && strlen(*ret_text) != length) {
		/* A zero byte: no text file of any kind that we edit. */
		free(*ret_text);
		*ret_text = NULL;
		r = -EINVAL;
	}
	return r;
}

static struct change *find_change(const struct changes *changes, const char *path)
{
	for (size_t i = 0; i < changes->count; i++)
		if (strcmp(changes->items[i].path, path) == 0)
			return &changes->items[i];
	return NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static int copy_text(const char *text, char **ret_copy)
{
	*ret_copy = text == NULL ? NULL : strdup(text);
	return text != NULL && *ret_copy == NULL ? -ENOMEM : 0;
}

static void change_free(struct change *change)
{
	free(change->path);
	free(change->old_text);
	free(change->new_text);
}

/* A second word on one path; back to what is there means no change at all. */
static int change_again(struct changes *changes, struct change *change, const char *text)
{
	char *copy;

	if (copy_text(text, &copy) < 0)
		return -ENOMEM;
	free(change->new_text);
	change->new_text = copy;
	if (!same_text(change->old_text, copy))
		return 0;
	change_free(change);
	changes->count--;
	memmove(change, change + 1,
		(size_t)(changes->items + changes->count - change) * sizeof(*change));
	return 0;
}

/* Takes the old text, also on an error. */
static int append(struct changes *changes, struct change change, const char *path,
		  const char *text)
{
	change.path = strdup(path);
	int r = copy_text(text, &change.new_text);
	struct change *slot =
		change.path == NULL || r < 0
			? NULL
			: array_grow(&changes->items, changes->count, sizeof(*slot));
	if (slot == NULL) {
		change_free(&change);
		return -ENOMEM;
	}
	*slot = change;
	changes->count++;
	return 0;
}

int changes_add(struct changes *changes, const struct root *root, const char *path,
		const char *text)
{
	struct change *known = find_change(changes, path);
	struct change change = { 0 };

	if (known != NULL)
		return change_again(changes, known, text);
	int r = read_old(root, path, &change.old_text, &change.mode);
	if (r < 0)
		return r;
	if (same_text(change.old_text, text)) {
		free(change.old_text);
		return 0;
	}
	return append(changes, change, path, text);
}

int changes_add_anew(struct changes *changes, const struct root *root, const char *path,
		     const char *text)
{
	struct change change = { 0 };
	int r = read_old(root, path, &change.old_text, &change.mode);

	return r < 0 ? r : append(changes, change, path, text);
}

int changes_read(const struct changes *changes, const struct root *root, const char *path,
		 char **ret_text)
{
	const struct change *change = find_change(changes, path);
	char *text = NULL;
	mode_t mode;
	int r = change != NULL ? copy_text(change->new_text, &text)
			       : read_old(root, path, &text, &mode);

	if (r == 0)
		*ret_text = text;
	return r;
}

/* A text as a file of its own: diff(1) reads no pipes twice, and /proc/self/fd is not in every
 * chroot. The caller removes it. */
static int write_temporary(const char *text, char path[TEMPORARY_SIZE])
{
	(void)snprintf(path, TEMPORARY_SIZE, "/tmp/vfio-claim.XXXXXX");
	AUTO_CLOSE int fd = mkostemp(path, O_CLOEXEC);
	size_t length = text ? strlen(text) : 0;

	if (fd < 0) {
		path[0] = '\0';
		return -errno;
	}
	for (size_t done = 0; done < length;) {
		ssize_t n = write(fd, text + done, length - done);

		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return 0;
}

/* In the child: diff(1), which is essential on Debian and may be missing on others. */
static void exec_diff(const struct change *change, const char *old_path, const char *new_path)
{
	char old_label[512];
	char new_label[512];

	(void)snprintf(old_label, sizeof(old_label), "%s%s", change->old_text ? "/" : "",
		       change->old_text ? change->path : "/dev/null");
	(void)snprintf(new_label, sizeof(new_label), "%s%s", change->new_text ? "/" : "",
		       change->new_text ? change->path : "/dev/null");
	(void)execlp("diff", "diff", "-u", "--label", old_label, "--label", new_label, old_path,
		     new_path, (char *)NULL);
	_exit(NO_PROGRAM);
}

/* Each line of the text with that sign, as diff -u prints a whole file. */
static void print_whole(char sign, const char *text)
{
	for (const char *line = text; line != NULL && *line != '\0';) {
		size_t length = strcspn(line, "\n");

		(void)printf("%c%.*s\n", sign, (int)length, line);
		line += length + (line[length] == '\n' ? 1 : 0);
	}
}

/* Without diff(1): what goes and what comes, whole. */
static void print_without_diff(const struct change *change)
{
	(void)printf("--- %s%s\n", change->old_text ? "/" : "",
		     change->old_text ? change->path : "/dev/null");
	(void)printf("+++ %s%s\n", change->new_text ? "/" : "",
		     change->new_text ? change->path : "/dev/null");
	print_whole('-', change->old_text);
	print_whole('+', change->new_text);
}

/* Returns 0, DIFF_MISSING or a negative errno. */
static int run_diff(const struct change *change, const char *old_path, const char *new_path)
{
	int status;

	(void)fflush(stdout);
	pid_t child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		exec_diff(change, old_path, new_path);
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (WIFEXITED(status) && WEXITSTATUS(status) == NO_PROGRAM)
		return DIFF_MISSING;
	/* diff ends with 1 where there is a difference. */
	return WIFEXITED(status) && WEXITSTATUS(status) <= 1 ? 0 : -EIO;
}

static int print_diff(const struct change *change)
{
	char old_path[TEMPORARY_SIZE] = "";
	char new_path[TEMPORARY_SIZE] = "";
	int r = write_temporary(change->old_text, old_path);

	if (r == 0)
		r = write_temporary(change->new_text, new_path);
	if (r == 0)
		r = run_diff(change, old_path, new_path);
	if (*old_path != '\0')
		(void)unlink(old_path);
	if (*new_path != '\0')
		(void)unlink(new_path);
	return r;
}

int changes_print_diff(const struct changes *changes)
{
	bool missing = false;

	for (size_t i = 0; i < changes->count; i++) {
		int r = missing ? DIFF_MISSING : print_diff(&changes->items[i]);

		if (r < 0)
			return r;
		if (r == DIFF_MISSING && !missing)
			(void)fprintf(stderr,
				      "note: there is no diff(1) here: files are shown whole; "
				      "install the package diffutils to see what differs\n");
		missing = r == DIFF_MISSING;
		if (missing)
			print_without_diff(&changes->items[i]);
	}
	return 0;
}

static int stage_all(const struct changes *changes, const struct root *root,
		     const char **failed)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct change *change = &changes->items[i];
		int r = 0;

		if (change->old_text != NULL && root_keep(root, change->path) == -ENOENT)
			r = -ESTALE; /* it was there when the changes were made */
		if (r == 0 && change->new_text != NULL)
			r = root_stage(root, change->path, change->new_text, change->mode);
		if (r < 0) {
			*failed = change->path;
			return r;
		}
	}
	return 0;
}

static int put_back(const struct change *change, const struct root *root)
{
	int r;

	if (change->old_text == NULL) {
		r = root_remove(root, change->path);
		return r == -ENOENT ? 0 : r;
	}
	if (root_restore(root, change->path) == 0)
		return 0;
	/* A file system without hard links (a FAT of EFI): written anew. */
	r = root_stage(root, change->path, change->old_text, change->mode);
	return r == 0 ? root_install(root, change->path) : r;
}

/* The last change is undone first: a state file that goes last is gone before what it tells. */
static int undo(const struct changes *changes, const struct root *root, size_t count)
{
	int first = 0;

	while (count-- > 0) {
		int r = put_back(&changes->items[count], root);

		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int changes_undo(const struct changes *changes, const struct root *root)
{
	return undo(changes, root, changes->count);
}

int changes_commit(const struct changes *changes, const struct root *root, const char **failed)
{
	int r = stage_all(changes, root, failed);

	for (size_t i = 0; r == 0 && i < changes->count; i++) {
		const struct change *change = &changes->items[i];

		r = change->new_text == NULL ? root_remove(root, change->path)
					     : root_install(root, change->path);
		if (r < 0) {
			*failed = change->path;
			(void)undo(changes, root, i);
		}
	}
	for (size_t i = 0; r < 0 && i < changes->count; i++) {
		root_unstage(root, changes->items[i].path);
		root_forget(root, changes->items[i].path);
	}
	return r;
}

void changes_finish(const struct changes *changes, const struct root *root)
{
	for (size_t i = 0; i < changes->count; i++)
		root_forget(root, changes->items[i].path);
}

void changes_free(struct changes *changes)
{
	for (size_t i = 0; i < changes->count; i++)
		change_free(&changes->items[i]);
	free(changes->items);
	*changes = (struct changes){ 0 };
}
