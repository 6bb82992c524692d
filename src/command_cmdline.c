// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim cmdline: the kernel arguments of the configuration. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "target.h"
#include "text.h"
#include "tool.h"
#include "version.h"

enum format { FORMAT_PLAIN, FORMAT_GRUB, FORMAT_BLS, FORMAT_BOOTC, FORMAT_JSON, FORMAT_COUNT };

static const char *const format_names[] = { "plain", "grub", "bls", "bootc", "json", NULL };

/* Twice what any kernel reads. */
enum { ARGUMENTS_FILE_MOST = 8192 };

static int find_format(const struct tool *tool, enum format *ret_format)
{
	*ret_format = tool->json ? FORMAT_JSON : FORMAT_PLAIN;
	if (tool->format == NULL)
		return 0;
	for (int i = 0; i < FORMAT_COUNT; i++)
		if (strcmp(format_names[i], tool->format) == 0 &&
		    (!tool->json || i == FORMAT_JSON)) {
			*ret_format = (enum format)i;
			return 0;
		}
	const char *nearest = nearest_name(tool->format, format_names);
	(void)fprintf(stderr,
		      PROGRAM ": --format is plain, grub, bls, bootc or json, and with --json "
			      "json alone%s%s%s\n",
		      nearest ? "; did you mean '" : "", nearest ? nearest : "",
		      nearest ? "'?" : "");
	return -EINVAL;
}

static json_object *words_json(char *const *words, size_t count)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < count; i++)
		(void)json_object_array_add(array, json_object_new_string(words[i]));
	return array;
}

static void print_json(const struct arguments *arguments, const char *line)
{
	json_object *object = json_object_new_object();

	(void)json_object_object_add(object, "schema", json_object_new_int(1));
	(void)json_object_object_add(
		object, "arguments",
		words_json(arguments->kargs.items, arguments->kargs.count));
	(void)json_object_object_add(
		object, "notes", words_json(arguments->notes.items, arguments->notes.count));
	(void)json_object_object_add(object, "line", json_object_new_string(line));
	print_json_object(object);
}

/* A file for /usr/lib/bootc/kargs.d; the words need no escapes, see print_arguments(). */
static void print_bootc(const struct arguments *arguments, enum architecture architecture)
{
	for (size_t i = 0; i < arguments->notes.count; i++)
		(void)printf("# %s\n", arguments->notes.items[i]);
	(void)printf("kargs = [");
	for (size_t i = 0; i < arguments->kargs.count; i++)
		(void)printf("%s\"%s\"", i == 0 ? "" : ", ", arguments->kargs.items[i]);
	(void)printf("]\n");
	if (architecture != ARCH_OTHER)
		(void)printf("match-architectures = [\"%s\"]\n",
			     architecture == ARCH_X86 ? "x86_64" : "aarch64");
}

static void print_line(const char *line, enum format format)
{
	if (*line == '\0')
		return;
	if (format == FORMAT_GRUB)
		(void)printf("GRUB_CMDLINE_LINUX_DEFAULT=\"${GRUB_CMDLINE_LINUX_DEFAULT:+"
			     "$GRUB_CMDLINE_LINUX_DEFAULT }%s\"\n",
			     line);
	else
		(void)printf("%s%s\n", format == FORMAT_BLS ? "options " : "", line);
}

/*
 * Each character was checked where it was read. It is checked here once more, so that a
 * mistake there cannot put a quote or a $ into a file that a shell or GRUB reads.
 */
static enum exit_code print_arguments(const struct arguments *arguments, enum format format,
				      enum architecture architecture)
{
	AUTO_FREE char *line = NULL;
	int r = kargs_join(&arguments->kargs, &line);

	if (r == 0 && !arguments_are_plain(line))
		r = -EILSEQ;
	if (r < 0)
		return report_system("the kernel arguments cannot be printed", r);
	for (size_t i = 0; format < FORMAT_BOOTC && i < arguments->notes.count; i++)
		say(stderr, "note: %s\n", arguments->notes.items[i]);
	if (format == FORMAT_JSON)
		print_json(arguments, line);
	else if (format == FORMAT_BOOTC)
		print_bootc(arguments, architecture);
	else
		print_line(line, format);
	return fflush(stdout) == 0 ? EXIT_AS_WANTED : report_system("standard output", -errno);
}

static enum exit_code report_length(const char *reason)
{
	(void)fprintf(stderr, PROGRAM ": %s\n", reason);
	return EXIT_NOT_AS_WANTED;
}

/* Prints the arguments of the last configuration that was valid, as they were kept. */
static enum exit_code print_last(const struct tool *tool, enum format format)
{
	AUTO_FREE char *line = NULL;
	struct arguments arguments;
	struct kargs kept;
	char reason[ARGUMENTS_REASON_SIZE];
	size_t length = 0;
	int r = root_read(&tool->root, ARGUMENTS_PATH, ARGUMENTS_FILE_MOST, &line, &length);

	if (r == 0) {
		line[strcspn(line, "\n")] = '\0';
		r = arguments_are_plain(line) ? 0 : -EBADMSG;
	}
	if (r < 0) {
		(void)report_system(
			"there are no arguments of a valid configuration to use instead", r);
		return EXIT_AS_WANTED;
	}
	(void)fprintf(stderr,
		      PROGRAM ": the arguments of the last valid configuration are used\n");
	r = kargs_parse(line, &kept);
	if (r < 0)
		return report_system("the kernel arguments cannot be read", r);
	r = arguments_fit(&kept, tool->base ? tool->base : "", COMMAND_LINE_MOST, &arguments,
			  reason);
	kargs_free(&kept);
	if (r < 0)
		return r == -E2BIG ? report_length(reason)
				   : report_system("the kernel arguments", r);
	enum exit_code code = print_arguments(&arguments, format, ARCH_OTHER);
	arguments_free(&arguments);
	return code;
}

/* Kept as they are for an empty base line: what the base line has may change. */
static int keep_arguments(const struct tool *tool, const struct target *target)
{
	AUTO_FREE char *line = NULL;
	AUTO_FREE char *text = NULL;
	AUTO_FREE char *before = NULL;
	struct arguments arguments;
	char reason[ARGUMENTS_REASON_SIZE];
	size_t length = 0;
	int r = arguments_compose(&tool->config, target, "", &arguments, reason);

	if (r < 0)
		return r;
	r = kargs_join(&arguments.kargs, &line);
	arguments_free(&arguments);
	if (r < 0 || asprintf(&text, "%s\n", line) < 0) {
		text = NULL;
		return -ENOMEM;
	}
	if (root_read(&tool->root, ARGUMENTS_PATH, ARGUMENTS_FILE_MOST, &before, &length) ==
		    0 &&
	    strcmp(before, text) == 0)
		return 0;
	return root_write_file(&tool->root, ARGUMENTS_PATH, text);
}

static enum exit_code print_composed(const struct tool *tool, const struct target *target,
				     enum format format)
{
	struct arguments arguments;
	char reason[ARGUMENTS_REASON_SIZE];
	int r = arguments_compose(&tool->config, target, tool->base ? tool->base : "",
				  &arguments, reason);

	if (r == -E2BIG) {
		enum exit_code code = report_length(reason);
		return tool->or_last ? print_last(tool, format) : code;
	}
	if (r < 0)
		return report_system("the kernel arguments cannot be composed", r);
	enum exit_code code = print_arguments(&arguments, format, target->architecture);
	arguments_free(&arguments);
	if (code != EXIT_AS_WANTED || !tool->or_last)
		return code;
	r = keep_arguments(tool, target);
	if (r < 0)
		(void)fprintf(stderr, PROGRAM ": warning: /" ARGUMENTS_PATH ": %s\n",
			      strerror(-r));
	return code;
}

enum exit_code run_cmdline(struct tool *tool)
{
	struct target target;
	enum format format;

	if (find_format(tool, &format) < 0)
		return EXIT_USAGE;
	if (tool->or_last && tool->snapshot != NULL) {
		(void)fprintf(stderr, PROGRAM ": --or-last keeps this system's arguments, and "
					      "--snapshot is of another\n");
		return EXIT_USAGE;
	}
	enum exit_code code = need_config(tool);
	if (code == EXIT_INVALID_CONFIG && tool->or_last)
		return print_last(tool, format);
	if (code != EXIT_AS_WANTED)
		return code;
	if (tool->files.count == 0) {
		const struct arguments none = { 0 };

		return format == FORMAT_JSON ? print_arguments(&none, format, ARCH_OTHER)
					     : EXIT_AS_WANTED;
	}
	int r = tool->with_hardware || !tool->root.is_host
			? target_find_with(&tool->root, &tool->config, tool->has_machine,
					   &target)
			: target_find(&tool->root, &tool->config, &target);
	if (r < 0)
		return report_system("the target cannot be read", r);
	code = print_composed(tool, &target, format);
	target_free(&target);
	return code;
}
