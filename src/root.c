// SPDX-License-Identifier: GPL-2.0-or-later
/* The one way to files: relative to a root directory, held as a descriptor. */
#include "root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

enum {
	LINKS_MOST = 40, /* MAXSYMLINKS of the kernel (include/linux/namei.h) */
	TRIES_MOST = 32, /* of an openat2(2) that a rename elsewhere disturbed */
};

static int trouble;

bool root_is_trouble(int error)
{
	switch (error < 0 ? -error : error) {
	case EIO:
	case ENOMEM:
	case EMFILE:
	case ENFILE:
	/* EFSCORRUPTED and EFSBADCRC of ext4 and XFS (fs/ext4/ext4.h, fs/xfs/xfs_linux.h) */
	case EUCLEAN:
	case EBADMSG:
	/* a file system whose server or process is gone: NFS, FUSE */
	case ESTALE:
	case ETIMEDOUT:
	case ENOTCONN:
		return true;
	default:
		return false;
	}
}

void root_note_trouble(int error)
{
	if (trouble == 0 && root_is_trouble(error))
		trouble = error < 0 ? error : -error;
}

int root_take_trouble(void)
{
	int first = trouble;

	trouble = 0;
	return first;
}

/* For a look at a file that failed: also those who can only say yes or no are heard. */
static int noted(int error)
{
	root_note_trouble(error);
	return error;
}

int root_open(const char *path, struct root *ret_root)
{
	const char *name = path ? path : "/";
	int fd = open(name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	*ret_root = (struct root){
		.fd = fd,
		.path = strcmp(name, "/") == 0 ? "" : name,
		.is_host = path == NULL,
	};
	return 0;
}

void root_close(struct root *root)
{
	if (root->fd >= 0)
		(void)close(root->fd);
	root->fd = -1;
}

/* read(2) until `size` bytes or the end. Returns the bytes read or a negative errno. */
static ssize_t read_full(int fd, char *data, size_t size)
{
	size_t length = 0;

	while (length < size) {
		ssize_t n = read(fd, data + length, size - length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		length += (size_t)n;
	}
	return (ssize_t)length;
}

/* Takes the first component off `rest`. False at the end of the path. */
static bool next_component(const char **rest, char component[NAME_MAX + 1])
{
	*rest += strspn(*rest, "/");
	size_t length = strcspn(*rest, "/");

	if (length == 0 || length > NAME_MAX)
		return false;
	memcpy(component, *rest, length);
	component[length] = '\0';
	*rest += length;
	return true;
}

static void cut_component(char *path)
{
	char *slash = strrchr(path, '/');

	*(slash != NULL ? slash : path) = '\0';
}

static bool is_last_component(const char *rest)
{
	return rest[strspn(rest, "/")] == '\0';
}

/*
 * Follows `path` by hand, link by link, with "/" and ".." meant within the root. Only for
 * kernels before 5.6 and for containers that forbid openat2(2); not made for a tree that
 * changes meanwhile.
 */
static int open_by_components(int root, const char *path, int flags, mode_t mode)
{
	char done[PATH_MAX] = "";
	char rest[2][PATH_MAX];
	char component[NAME_MAX + 1];
	char target[PATH_MAX];
	const char *position = path;
	unsigned links = 0;

	while (next_component(&position, component)) {
		if (strcmp(component, ".") == 0)
			continue;
		if (strcmp(component, "..") == 0) {
			cut_component(done);
			continue;
		}
		size_t length = strlen(done);
		if ((size_t)snprintf(done + length, sizeof(done) - length, "%s%s",
				     length > 0 ? "/" : "", component) >= sizeof(done) - length)
			return -ENAMETOOLONG;
		if ((flags & O_NOFOLLOW) != 0 && is_last_component(position))
			break;
		ssize_t bytes = readlinkat(root, done, target, sizeof(target) - 1);
		if (bytes < 0)
			continue;
		target[bytes] = '\0';
		if (++links > LINKS_MOST)
			return -ELOOP;
		done[target[0] == '/' ? 0 : length] = '\0';
		char *joined = rest[links % 2];
		if ((size_t)snprintf(joined, PATH_MAX, "%s/%s", target, position) >= PATH_MAX)
			return -ENAMETOOLONG;
		position = joined;
	}
	if (!is_last_component(position))
		return -ENAMETOOLONG;
	int fd = openat(root, *done != '\0' ? done : ".", flags | O_NOFOLLOW | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

/*
 * EAGAIN: something was renamed or mounted, anywhere, while a ".." was followed, so that the
 * kernel could not know that it stays inside (openat2(2)); the next try may be luckier.
 */
static int open_in_tree(int root, const char *path, int flags, mode_t mode)
{
	struct open_how how = { .flags = (unsigned)(flags | O_CLOEXEC),
				.mode = mode,
				.resolve = RESOLVE_IN_ROOT };
	int fd = -1;

	for (int try = 0; try < TRIES_MOST; try++) {
		fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_by_components(root, path, flags, mode);
	return fd < 0 ? -errno : fd;
}

/* root_open_inside(), also for a file that is made: `mode` is 0 without O_CREAT. */
static int open_inside(const struct root *root, const char *path, int flags, mode_t mode)
{
	int fd;

	if (!root->is_host)
		return open_in_tree(root->fd, path, flags, mode);
	fd = openat(root->fd, path, flags | O_CLOEXEC, mode);
	return fd < 0 ? -errno : fd;
}

int root_open_inside(const struct root *root, const char *path, int flags)
{
	return open_inside(root, path, flags, 0);
}

/*
 * A file as the *at() calls want it, since none of them but openat2(2) can be told to stay in a
 * tree: its directory is opened inside, and `name` is in it. On the host, whose links lead
 * where they should, that is the root and the whole path.
 */
struct place {
	int dir;
	int opened; /* `dir` where it is ours to close, else -1 */
	const char *name;
};

static void close_place(const struct place *place)
{
	cleanup_close(&place->opened);
}

#define AUTO_PLACE __attribute__((cleanup(close_place)))

/* Returns 0 or a negative errno. */
static int open_place(const struct root *root, const char *path, struct place *ret_place)
{
	const char *slash = root->is_host ? NULL : strrchr(path, '/');
	struct place place = { .dir = root->fd, .opened = -1, .name = path };
	char parent[PATH_MAX];

	if (slash != NULL) {
		if (slash - path >= PATH_MAX)
			return -ENAMETOOLONG;
		(void)snprintf(parent, sizeof(parent), "%.*s", (int)(slash - path), path);
		place.opened = open_inside(root, parent, O_PATH | O_DIRECTORY, 0);
		if (place.opened < 0)
			return place.opened;
		place.dir = place.opened;
		place.name = slash + 1;
	}
	*ret_place = place;
	return 0;
}

/* `other` is the path of the place and a suffix: its name in the same directory. */
static const char *name_beside(const struct place *place, const char *path, const char *other)
{
	return other + (place->name - path);
}

int root_stat(const struct root *root, const char *path, int flags, struct stat *ret_stat)
{
	if (root->is_host)
		return fstatat(root->fd, path, ret_stat, flags) < 0 ? -errno : 0;
	int no_follow = (flags & AT_SYMLINK_NOFOLLOW) != 0 ? O_NOFOLLOW : 0;
	AUTO_CLOSE int fd = open_inside(root, path, O_PATH | no_follow, 0);
	if (fd < 0)
		return fd;
	return fstat(fd, ret_stat) < 0 ? -errno : 0;
}

bool root_has(const struct root *root, const char *path)
{
	struct stat st;
	int r = root_stat(root, path, 0, &st);

	root_note_trouble(r);
	return r == 0;
}

int root_has_entry(const struct root *root, const char *path)
{
	struct stat st;
	int r = root_stat(root, path, AT_SYMLINK_NOFOLLOW, &st);

	if (r == 0)
		return 1;
	return r == -ENOENT || r == -ENOTDIR ? 0 : noted(r);
}

DIR *root_open_directory(const struct root *root, const char *path)
{
	int fd = root_open_inside(root, path, O_RDONLY | O_DIRECTORY);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (dir == NULL)
		root_note_trouble(fd < 0 ? fd : errno);
	if (dir == NULL && fd >= 0)
		(void)close(fd);
	return dir;
}

const struct dirent *root_next_entry(DIR *dir, int *error)
{
	errno = 0;
	const struct dirent *entry = readdir(dir);

	if (entry == NULL && errno != 0)
		*error = noted(-errno);
	return entry;
}

int root_read(const struct root *root, const char *path, size_t most, char **ret_data,
	      size_t *ret_length)
{
	AUTO_CLOSE int fd = root_open_inside(root, path, O_RDONLY);
	size_t room = 4096;
	size_t length = 0;

	if (fd < 0)
		return noted(fd);
	AUTO_FREE char *data = malloc(room + 1);
	while (data != NULL) {
		ssize_t n = read_full(fd, data + length, room - length);

		if (n < 0)
			return noted((int)n);
		length += (size_t)n;
		if (length > most)
			return -EFBIG;
		if (length < room) {
			data[length] = '\0';
			*ret_data = data;
			*ret_length = length;
			data = NULL;
			return 0;
		}
		char *grown = realloc(data, room * 2 + 1);
		if (grown == NULL)
			break;
		data = grown;
		room *= 2;
	}
	return noted(-ENOMEM);
}

int entry_exists(int dir, const char *path)
{
	if (faccessat(dir, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	return errno == ENOENT || errno == ENOTDIR ? 0 : noted(-errno);
}

int read_attribute(int dir, const char *path, char *field, size_t size)
{
	AUTO_CLOSE int fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		return noted(-errno);
	/* One read has the whole of it: sysfs makes a file's text in one piece, at most a page
	 * (fs/seq_file.c: seq_read_iter()), and there are thousands of them. */
	do
		length = read(fd, field, size - 1);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return noted(-errno);
	if (length > 0 && field[length - 1] == '\n')
		length--;
	field[length] = '\0';
	return (int)length;
}

int root_write_attribute(const struct root *root, const char *path, const char *value)
{
	AUTO_CLOSE int fd = openat(root->fd, path, O_WRONLY | O_CLOEXEC);
	size_t length = strlen(value);
	ssize_t n;

	if (fd < 0)
		return -errno;
	do
		n = write(fd, value, length);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return (size_t)n == length ? 0 : -EIO;
}

int read_link_name(int dir, const char *path, char *field, size_t size)
{
	char target[PATH_MAX];
	ssize_t length = readlinkat(dir, path, target, sizeof(target) - 1);

	if (length < 0)
		return noted(-errno);
	target[length] = '\0';
	const char *slash = strrchr(target, '/');
	const char *name = slash ? slash + 1 : target;
	size_t bytes = strlen(name);
	if (bytes >= size)
		return -ENAMETOOLONG;
	memcpy(field, name, bytes + 1);
	return (int)bytes;
}

static int make_directory(const struct root *root, const char *path)
{
	AUTO_PLACE struct place place = { .opened = -1 };
	int r = open_place(root, path, &place);

	if (r < 0)
		return r;
	return mkdirat(place.dir, place.name, 0755) < 0 && errno != EEXIST ? -errno : 0;
}

static int make_parents(const struct root *root, const char *path)
{
	char parent[PATH_MAX];

	for (const char *slash = strchr(path, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		size_t length = (size_t)(slash - path);

		if (length == 0 || length >= sizeof(parent))
			return -EINVAL;
		memcpy(parent, path, length);
		parent[length] = '\0';
		int r = make_directory(root, parent);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_full(int fd, const char *data, size_t length)
{
	while (length > 0) {
		ssize_t n = write(fd, data, length);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

/* What the file that is replaced had beside its text; best effort, as cp -p does. */
static void copy_attributes(const struct root *root, const char *path, int fd)
{
	static const char label[] = "security.selinux";
	char value[256];
	struct stat st;
	AUTO_CLOSE int old = open_inside(root, path, O_RDONLY | O_NOFOLLOW, 0);

	if (old < 0 || fstat(old, &st) < 0)
		return;
	if (fchown(fd, st.st_uid, st.st_gid) == 0)
		(void)fchmod(fd, st.st_mode & 07777);
	ssize_t length = fgetxattr(old, label, value, sizeof(value));
	if (length > 0)
		(void)fsetxattr(fd, label, value, (size_t)length, 0);
}

static int write_and_sync(const struct root *root, const char *path, const char *temporary,
			  const char *text, mode_t mode)
{
	AUTO_CLOSE int fd =
		open_inside(root, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode);

	if (fd < 0)
		return fd;
	copy_attributes(root, path, fd);
	int r = write_full(fd, text, strlen(text));
	if (r < 0)
		return r;
	return fsync(fd) < 0 ? -errno : 0;
}

int root_make_file(const struct root *root, const char *path, mode_t mode)
{
	return open_inside(root, path,
			   O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_NOCTTY, mode);
}

/* No directory's pattern (*.conf, *.cfg, *.rules) reads this name. */
int root_staged_path(const char *path, char *out, size_t size)
{
	return (size_t)snprintf(out, size, "%s.new~", path) < size ? 0 : -ENAMETOOLONG;
}

static int kept_name(const char *path, char out[PATH_MAX])
{
	return snprintf(out, PATH_MAX, "%s.old~", path) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int root_stage(const struct root *root, const char *path, const char *text, mode_t mode)
{
	char temporary[PATH_MAX];
	int r = root_staged_path(path, temporary, sizeof(temporary));

	if (r == 0)
		r = make_parents(root, path);
	if (r == 0)
		r = write_and_sync(root, path, temporary, text, mode);
	if (r < 0)
		root_unstage(root, path);
	return r;
}

static int unlink_inside(const struct root *root, const char *path, int flags)
{
	AUTO_PLACE struct place place = { .opened = -1 };
	int r = open_place(root, path, &place);

	if (r < 0)
		return r;
	return unlinkat(place.dir, place.name, flags) < 0 ? -errno : 0;
}

void root_unstage(const struct root *root, const char *path)
{
	char temporary[PATH_MAX];

	if (root_staged_path(path, temporary, sizeof(temporary)) == 0)
		(void)unlink_inside(root, temporary, 0);
}

/* A rename or removal is on the disk when its directory is; where that cannot be, it is not. */
static void sync_parent(const struct root *root, const char *path)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');

	(void)snprintf(parent, sizeof(parent), "%.*s", slash ? (int)(slash - path) : 1,
		       slash ? path : ".");
	AUTO_CLOSE int fd = open_inside(root, parent, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0)
		(void)fsync(fd);
}

/* What a tool wrote may not be on the disk yet. */
static int sync_file(const struct root *root, const char *path)
{
	AUTO_CLOSE int fd = open_inside(root, path, O_RDONLY | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	return fsync(fd) < 0 ? -errno : 0;
}

/* Renames what is at `path` and a suffix. Returns 0 or a negative errno. */
static int rename_to(const struct root *root, const char *other, const char *path)
{
	AUTO_PLACE struct place place = { .opened = -1 };
	int r = open_place(root, path, &place);

	if (r < 0)
		return r;
	if (renameat(place.dir, name_beside(&place, path, other), place.dir, place.name) < 0)
		return -errno;
	sync_parent(root, path);
	return 0;
}

int root_install(const struct root *root, const char *path)
{
	char temporary[PATH_MAX];
	int r = root_staged_path(path, temporary, sizeof(temporary));

	if (r == 0)
		r = sync_file(root, temporary);
	return r == 0 ? rename_to(root, temporary, path) : r;
}

int root_keep(const struct root *root, const char *path)
{
	AUTO_PLACE struct place place = { .opened = -1 };
	char kept[PATH_MAX];
	int r = kept_name(path, kept);

	if (r == 0)
		r = open_place(root, path, &place);
	if (r < 0)
		return r;
	const char *name = name_beside(&place, path, kept);
	(void)unlinkat(place.dir, name, 0);
	return linkat(place.dir, place.name, place.dir, name, 0) < 0 ? -errno : 0;
}

int root_restore(const struct root *root, const char *path)
{
	char kept[PATH_MAX];
	int r = kept_name(path, kept);

	return r == 0 ? rename_to(root, kept, path) : r;
}

void root_forget(const struct root *root, const char *path)
{
	char kept[PATH_MAX];

	if (kept_name(path, kept) == 0)
		(void)unlink_inside(root, kept, 0);
}

int root_remove(const struct root *root, const char *path)
{
	int r = unlink_inside(root, path, 0);

	if (r == 0)
		sync_parent(root, path);
	return r;
}

int root_remove_directory(const struct root *root, const char *path)
{
	return unlink_inside(root, path, AT_REMOVEDIR);
}

int root_write_file(const struct root *root, const char *path, const char *text)
{
	int r = root_stage(root, path, text, 0644);

	if (r == 0)
		r = root_install(root, path);
	if (r < 0)
		root_unstage(root, path);
	return r;
}
