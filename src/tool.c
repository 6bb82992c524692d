// SPDX-License-Identifier: GPL-2.0-or-later
/* What the commands of vfio-claim share. */
#include "tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "container.h"

#include "commands.h"
#include "quoting.h"
#include "snapshot_file.h"
#include "temporary.h"

#define LOCK_PATH "run/vfio-claim.lock"

void say(FILE *stream, const char *format, ...)
{
	AUTO_FREE char *raw = NULL;
	AUTO_FREE char *visible = NULL;
	struct text text = { 0 };
	va_list args;

	va_start(args, format);
	int length = vasprintf(&raw, format, args);
	va_end(args);
	if (length < 0) {
		raw = NULL;
		return;
	}
	text_put_visible(&text, raw);
	if (text_take(&text, &visible) == 0)
		(void)fputs(visible, stream);
}

enum exit_code report_system(const char *what, int error)
{
	(void)fprintf(stderr, PROGRAM ": %s: %s\n", what, strerror(-error));
	return EXIT_SYSTEM;
}

void print_diagnostics(const struct diagnostics *diagnostics, const char *severity)
{
	for (size_t i = 0; i < diagnostics->count; i++) {
		const struct diagnostic *item = &diagnostics->items[i];

		if (item->line > 0)
			say(stderr, "%s:%u: %s: %s\n", item->file, item->line, severity,
			    item->message);
		else
			say(stderr, "%s: %s: %s\n", item->file, severity, item->message);
	}
}

void print_warning(FILE *stream, const struct warning *warning)
{
	char address[PCI_ADDRESS_SIZE];

	(void)fprintf(stream, "%s: ", severity_names[warning->severity]);
	if (warning->has_address)
		(void)fprintf(stream, "%s%s", pci_address_format(&warning->address, address),
			      warning->claim ? " " : ": ");
	if (warning->claim != NULL)
		(void)fprintf(stream, "[%s]: ", warning->claim->name);
	say(stream, "%s\n  fix: %s\n", warning->text, warning->fix);
}

/* json-c passes bytes on as they are, and JSON is UTF-8 (RFC 8259, 8.1). */
void print_json_object(json_object *object)
{
	const char *text = json_object_to_json_string_ext(
		object, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED |
				JSON_C_TO_STRING_NOSLASHESCAPE);

	while (text != NULL && *text != '\0') {
		size_t length = utf8_length(text);

		(void)fwrite(text, 1, length, stdout);
		text += length;
		if (*text != '\0') {
			(void)putchar('?');
			text++;
		}
	}
	(void)putchar('\n');
	(void)json_object_put(object);
}

static enum exit_code open_snapshot(struct tool *tool)
{
	char reason[SNAPSHOT_REASON_SIZE];

	if (snapshot_open(tool->snapshot, &tool->root, reason) == 0)
		return EXIT_AS_WANTED;
	say(stderr, PROGRAM ": %s: %s\n", tool->snapshot, reason);
	return EXIT_SYSTEM;
}

enum exit_code open_roots(struct tool *tool)
{
	/* A hook that runs below `apply --root`, in a chroot. */
	if (tool->root_path == NULL && getenv(TREE_VARIABLE) != NULL)
		tool->root_path = "/";
	int r = root_open(tool->root_path, &tool->config_root);
	if (r < 0)
		return report_system(tool->root_path ? tool->root_path : "/", r);
	tool->has_machine =
		tool->config_root.is_host || tool->with_hardware || tool->snapshot != NULL;
	if (tool->snapshot != NULL)
		return open_snapshot(tool);
	tool->root = tool->config_root;
	return EXIT_AS_WANTED;
}

void close_roots(struct tool *tool)
{
	if (tool->root.fd != tool->config_root.fd)
		root_close(&tool->root);
	root_close(&tool->config_root);
	temporary_remove();
}

int read_config(struct tool *tool)
{
	return config_files_read(&tool->config_root, tool->config_path, &tool->config,
				 &tool->files, &tool->diagnostics);
}

enum exit_code need_config(struct tool *tool)
{
	int r = read_config(tool);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	print_diagnostics(&tool->diagnostics, "error");
	return tool->diagnostics.count == 0 ? EXIT_AS_WANTED : EXIT_INVALID_CONFIG;
}

bool say_container(const struct tool *tool, struct sentences *notes)
{
	static const char sentence[] = "this is a container (%s): its host boots without us, "
				       "nothing is changed";
	const char *manager = container_detect(&tool->root);

	if (manager == NULL)
		return false;
	if (!tool->json) {
		say(stdout, sentence, manager);
		(void)putchar('\n');
	} else if (sentences_add(notes, sentence, manager) < 0) {
		(void)report_system("the notes", -ENOMEM);
	}
	return true;
}

bool is_own_root(const struct root *root)
{
	struct stat own;
	struct stat top;

	return root->is_host || (fstat(root->fd, &own) == 0 && stat("/", &top) == 0 &&
				 own.st_dev == top.st_dev && own.st_ino == top.st_ino);
}

/*
 * False in a chroot: PID 1 has another root directory (proc_pid_root(5)). Where that may not be
 * looked at, as in some containers, nothing speaks for a chroot.
 */
static bool is_root_of_pid_1(const struct stat *own)
{
	struct stat first;

	if (stat("/proc/1/root", &first) < 0)
		return errno == EACCES || errno == EPERM;
	return first.st_dev == own->st_dev && first.st_ino == own->st_ino;
}

/*
 * Whether a running system is worked on: the host, or `/` by that name. A chroot in which an image
 * is built may have the builder's /run; and where PID 1 builds an image at `/`, /run is no mount
 * but a directory of the image, where nothing of ours is to be left.
 */
static bool is_running(const struct root *root)
{
	struct stat own;
	struct stat run;

	if (root->is_host)
		return true;
	return is_own_root(root) && fstat(root->fd, &own) == 0 && is_root_of_pid_1(&own) &&
	       root_stat(root, "run", 0, &run) == 0 && run.st_dev != own.st_dev;
}

/*
 * What is locked. Whoever may open a file may lock it (flock(2)), and everybody may open the root
 * directory; so on a running system it is a file that only root can. A tree has its directory.
 */
static int open_lock(const struct root *root, bool running)
{
	int fd = !running ? -1
			  : openat(root->fd, LOCK_PATH,
				   O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? fd : openat(root->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Says who has it, as far as that is written there. */
static void say_locked(int fd)
{
	char pid[16] = "";
	ssize_t length = pread(fd, pid, sizeof(pid) - 1, 0);

	if (length > 0)
		pid[strspn(pid, "0123456789")] = '\0';
	(void)fprintf(stderr,
		      PROGRAM ": another " PROGRAM " is at work here%s%s; try again when it "
			      "has ended\n",
		      length > 0 && *pid != '\0' ? ", pid " : "", length > 0 ? pid : "");
}

enum exit_code lock_root(const struct tool *tool)
{
	/* What is changed from here on has the modes that it is to have, whoever calls us. */
	(void)umask(0022);
	bool running = is_running(&tool->root);
	/* Stays open to the end of the process; the tools do not inherit it. */
	int fd = open_lock(&tool->root, running);

	if (fd < 0)
		return report_system("the root directory cannot be read", -errno);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
		/* Of no consequence where it fails. */
		if (running && ftruncate(fd, 0) == 0)
			(void)dprintf(fd, "%ld\n", (long)getpid());
		return EXIT_AS_WANTED;
	}
	if (errno != EWOULDBLOCK)
		return report_system("the root directory cannot be locked", -errno);
	say_locked(fd);
	return EXIT_SYSTEM;
}
