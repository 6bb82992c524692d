// SPDX-License-Identifier: GPL-2.0-or-later
/* The tools of the target (dracut, update-grub, ...) that are to be run, in order. */
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "mounts.h"
#include "text.h"

enum { ENVIRONMENT_ROOM = 6 };

/* Where programs are, in the order of root's PATH. */
static const char *const program_directories[] = { "usr/sbin", "usr/bin", "sbin", "bin" };

static void command_line_free(struct command_line *line)
{
	for (size_t i = 0; line->argv != NULL && line->argv[i] != NULL; i++)
		free(line->argv[i]);
	free(line->argv);
	free(line->title);
	free(line->staged);
}

/* The program gets its slash here: the form in which it is run and shown. */
static int fill_command_line(struct command_line *line, const char *title, const char *program,
			     va_list args)
{
	struct text path = { 0 };

	line->title = strdup(title);
	if (line->title == NULL)
		return -ENOMEM;
	text_add(&path, "/%s", program + strspn(program, "/"));
	int r = text_take(&path, &line->argv[0]);
	for (size_t i = 1; r == 0; i++) {
		const char *word = va_arg(args, const char *);

		if (word == NULL)
			break;
		line->argv[i] = strdup(word);
		if (line->argv[i] == NULL)
			r = -ENOMEM;
	}
	return r;
}

int command_lines_add(struct command_lines *lines, const char *title, const char *program, ...)
{
	struct command_line line = { 0 };
	size_t count = 1;
	va_list args;

	va_start(args, program);
	while (va_arg(args, const char *) != NULL)
		count++;
	va_end(args);
	line.argv = calloc(count + 1, sizeof(*line.argv));
	if (line.argv == NULL)
		return -ENOMEM;
	va_start(args, program);
	int r = fill_command_line(&line, title, program, args);
	va_end(args);
	struct command_line *slot = NULL;
	if (r == 0)
		slot = array_grow(&lines->items, lines->count, sizeof(*slot));
	if (slot == NULL) {
		command_line_free(&line);
		return -ENOMEM;
	}
	*slot = line;
	lines->count++;
	return 0;
}

static void write_in_place(struct command_line *line)
{
	char staged[PATH_MAX];

	if (root_staged_path(line->staged, staged, sizeof(staged)) < 0)
		return;
	for (char **word = line->argv; *word != NULL; word++)
		if (**word == '/' && strcmp(*word + 1, staged) == 0)
			(*word)[1 + strlen(line->staged)] = '\0'; /* the end is what differs */
	free(line->staged);
	line->staged = NULL;
}

void command_lines_write_in_place(struct command_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		if (lines->items[i].staged != NULL)
			write_in_place(&lines->items[i]);
}

static bool same_command(const struct command_line *a, const struct command_line *b)
{
	size_t i = 0;

	while (a->argv[i] != NULL && b->argv[i] != NULL && strcmp(a->argv[i], b->argv[i]) == 0)
		i++;
	return a->argv[i] == NULL && b->argv[i] == NULL;
}

void command_lines_drop(struct command_lines *lines, const struct command_lines *others)
{
	size_t kept = 0;

	for (size_t i = 0; i < lines->count; i++) {
		bool found = false;

		for (size_t j = 0; j < others->count && !found; j++)
			found = same_command(&lines->items[i], &others->items[j]);
		if (found)
			command_line_free(&lines->items[i]);
		else
			lines->items[kept++] = lines->items[i];
	}
	lines->count = kept;
}

void command_lines_free(struct command_lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		command_line_free(&lines->items[i]);
	free(lines->items);
	*lines = (struct command_lines){ 0 };
}

/* One word for a shell: as it is where no character needs quotes. */
static void render_word(struct text *text, const char *word)
{
	if (is_plain_word(word, PATH_MAX, "_@%+=:,./-")) {
		text_add(text, "%s", word);
		return;
	}
	text_add(text, "'");
	for (const char *c = word; *c != '\0'; c++) {
		if (*c == '\'')
			text_add(text, "'\\''");
		else
			text_add(text, "%c", *c);
	}
	text_add(text, "'");
}

char *command_line_render(const struct command_line *line)
{
	struct text text = { 0 };
	char *string = NULL;

	for (size_t i = 0; line->argv[i] != NULL; i++) {
		if (i > 0)
			text_add(&text, " ");
		render_word(&text, line->argv[i]);
	}
	return text_take(&text, &string) == 0 ? string : NULL;
}

/* What is a program of a foreign architecture here is one all the same. */
static bool is_program(const struct root *root, const char *path)
{
	AUTO_CLOSE int fd = root_open_inside(root, path, O_PATH);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) < 0) {
		root_note_trouble(fd < 0 ? fd : errno);
		return false;
	}
	return S_ISREG(status.st_mode) && (status.st_mode & 0111) != 0;
}

bool command_find(const struct root *root, const char *name, char out[COMMAND_PATH_SIZE])
{
	for (size_t i = 0; i < sizeof(program_directories) / sizeof(*program_directories);
	     i++) {
		char path[COMMAND_PATH_SIZE];

		if ((size_t)snprintf(path, sizeof(path), "%s/%s", program_directories[i],
				     name) >= sizeof(path))
			continue;
		if (is_program(root, path)) {
			memcpy(out, path, sizeof(path));
			return true;
		}
	}
	return false;
}

/* What a child needs; all of it is made before the fork. */
struct child {
	const struct root *root;
	char *const *argv;
	char *environment[ENVIRONMENT_ROOM];
	char *epoch; /* owned */
	int input;
	int output;
	int error_pipe;
};

/*
 * A short environment of our own, so that a tool does the same for every caller (and does not
 * take itself for a part of dpkg's run, as update-initramfs does). SOURCE_DATE_EPOCH is what
 * makes images reproducible, so it is the one that is handed on.
 */
static int make_environment(struct child *child)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char locale[] = "LC_ALL=C.UTF-8";
	static char home[] = "HOME=/root";
	static char tree[] = TREE_VARIABLE "=1";
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	size_t count = 0;

	child->environment[count++] = path;
	child->environment[count++] = locale;
	child->environment[count++] = home;
	if (epoch != NULL) {
		if (asprintf(&child->epoch, "SOURCE_DATE_EPOCH=%s", epoch) < 0) {
			child->epoch = NULL;
			return -ENOMEM;
		}
		child->environment[count++] = child->epoch;
	}
	if (!child->root->is_host)
		child->environment[count] = tree;
	return 0;
}

/*
 * A tool expects the signals as a shell gives them; we may be waiting or ignoring some. What
 * nohup(1), or a script for its background jobs, has ignored stays ignored.
 */
static void reset_signals(void)
{
	sigset_t none;

	for (int number = 1; number < NSIG; number++) {
		bool handed_on = number == SIGHUP || number == SIGINT || number == SIGQUIT;
		struct sigaction old;

		if (!handed_on || sigaction(number, NULL, &old) < 0 ||
		    old.sa_handler != SIG_IGN)
			(void)signal(number, SIG_DFL);
	}
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static int enter_root(const struct root *root)
{
	if (!root->is_host) {
		int r = mounts_make(root);

		if (r < 0 || chroot(".") < 0)
			return r < 0 ? r : -errno;
	}
	return chdir("/") < 0 ? -errno : 0;
}

static int become_program(const struct child *child)
{
	if (dup2(child->input, STDIN_FILENO) < 0 || dup2(child->output, STDOUT_FILENO) < 0 ||
	    dup2(child->output, STDERR_FILENO) < 0)
		return -errno;
	int r = enter_root(child->root);
	if (r < 0)
		return r;
	(void)umask(0022);
	reset_signals();
	(void)execve(child->argv[0], child->argv, child->environment);
	return -errno;
}

/* The child's end of it: an error goes up the pipe, which a successful execve() closes. */
static _Noreturn void run_child(const struct child *child)
{
	int r = become_program(child);
	ssize_t written = write(child->error_pipe, &r, sizeof(r));

	_exit(written == (ssize_t)sizeof(r) ? 127 : 126);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
}

/* Returns the error that the child met before its program ran, or 0. */
static int read_child_error(int pipe)
{
	int error = 0;
	ssize_t n;

	do
		n = read(pipe, &error, sizeof(error));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(error) ? error : 0;
}

static int start_and_wait(struct child *child)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	AUTO_CLOSE int reading = ends[0];
	child->error_pipe = ends[1];
	pid_t pid = fork();
	if (pid == 0)
		run_child(child);
	int r = pid < 0 ? -errno : 0;
	(void)close(ends[1]);
	if (r < 0)
		return r;
	int error = read_child_error(reading);
	int status = wait_for(pid);
	return error < 0 ? error : status;
}

int command_run(const struct root *root, const struct command_line *line, int log)
{
	AUTO_CLOSE int input = open("/dev/null", O_RDONLY | O_CLOEXEC);
	struct child child = {
		.root = root, .argv = line->argv, .input = input, .output = log
	};

	if (input < 0)
		return -errno;
	int r = make_environment(&child);
	if (r == 0)
		r = start_and_wait(&child);
	free(child.epoch);
	return r;
}
