// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim export: the configuration in the words of other systems. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "exports.h"
#include "output_file.h"
#include "survey.h"
#include "target.h"
#include "tool.h"

/* What struct exports points to. */
struct collection {
	struct exports exports;
	struct export_options options;
	struct export_file *files;
	char **strings; /* of all sorts, to be released */
	size_t string_count;
	struct export_device *devices;
	struct target target;
	struct arguments arguments;
	char *line;
	struct survey survey;
};

static enum exit_code say_formats(const char *word)
{
	const char *names[64] = { NULL };
	const char *nearest;
	size_t count = 0;

	for (; export_formats[count].name != NULL && count + 1 < 64; count++)
		names[count] = export_formats[count].name;
	if (word == NULL) {
		(void)fprintf(stderr, PROGRAM ": export needs a format\n");
	} else {
		nearest = nearest_name(word, names);
		(void)fprintf(stderr, PROGRAM ": there is no format '%s'%s%s%s\n", word,
			      nearest ? "; did you mean '" : "", nearest ? nearest : "",
			      nearest ? "'?" : "");
	}
	(void)fprintf(stderr, "Formats:\n");
	for (size_t i = 0; i < count; i++)
		(void)fprintf(stderr, "  %-14s %s\n", export_formats[i].name,
			      export_formats[i].help);
	return EXIT_USAGE;
}

/* The options of formats, as they were given. */
static bool options_fit_format(const struct export_options *options,
			       const struct export_format *format)
{
	const struct {
		const char *name;
		bool given;
	} given[] = {
		{ "by", options->by != NULL },
		{ "release", options->release != NULL },
		{ "part", options->part != NULL },
		{ "placement", options->placement },
		{ "package", options->package != NULL },
	};

	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		if (!given[i].given || list_has(format->options, given[i].name))
			continue;
		(void)fprintf(stderr, PROGRAM ": export %s has no --%s%s%s\n", format->name,
			      given[i].name, *format->options ? "; it takes: " : "",
			      format->options);
		return false;
	}
	return true;
}

/* Keeps a string until the end. Returns it, or NULL without memory. */
static const char *keep(struct collection *collection, char *string)
{
	char **slot = string == NULL ? NULL
				     : array_grow(&collection->strings,
						  collection->string_count, sizeof(*slot));

	if (slot == NULL) {
		free(string);
		return NULL;
	}
	*slot = string;
	collection->string_count++;
	return string;
}

static int read_file(const struct tool *tool, struct collection *collection, size_t index)
{
	const struct root here = { .fd = AT_FDCWD, .path = ".", .is_host = true };
	const char *path = tool->files.paths[index];
	char *data = NULL;
	char *there = NULL;
	size_t length = 0;
	int r = root_read(tool->config_path != NULL ? &here : &tool->config_root, path,
			  CONFIG_FILE_MOST, &data, &length);

	if (r < 0)
		return r;
	struct export_file *file = &collection->files[index];
	file->text = keep(collection, data);
	/* One file given by --config is the whole configuration elsewhere. */
	if (asprintf(&there, "/%s", tool->config_path ? "etc/vfio-claim.conf" : path) < 0)
		there = NULL;
	file->path = keep(collection, there);
	return file->text == NULL || file->path == NULL ? -ENOMEM : 0;
}

static int read_files(const struct tool *tool, struct collection *collection)
{
	int r = 0;

	collection->files = calloc(tool->files.count + 1, sizeof(*collection->files));
	if (collection->files == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < tool->files.count; i++)
		r = read_file(tool, collection, i);
	collection->exports.files = collection->files;
	collection->exports.file_count = tool->files.count;
	return r;
}

/*
 * Arguments for other machines are for every CPU of this kind, unless the configuration says which,
 * or this machine was shown as one of them (--with-hardware, --snapshot).
 */
static void forget_cpu(const struct tool *tool, const struct export_format *format,
		       struct target *target)
{
	if (format->elsewhere && tool->root.is_host && !tool->with_hardware &&
	    tool->config.host.cpu == CPU_AUTO && target->cpu != CPU_ARM)
		target->cpu = CPU_ANY;
}

/* As `vfio-claim cmdline` composes them, with or without this machine's hardware. */
static int compose(const struct tool *tool, const struct export_format *format,
		   struct collection *collection, char reason[ARGUMENTS_REASON_SIZE])
{
	int r = tool->with_hardware || !tool->root.is_host
			? target_find_with(&tool->root, &tool->config, tool->has_machine,
					   &collection->target)
			: target_find(&tool->root, &tool->config, &collection->target);

	reason[0] = '\0';
	forget_cpu(tool, format, &collection->target);
	if (r == 0)
		r = arguments_compose(&tool->config, &collection->target, "",
				      &collection->arguments, reason);
	if (r == 0)
		r = kargs_join(&collection->arguments.kargs, &collection->line);
	if (r == 0 && !arguments_are_plain(collection->line))
		r = -EILSEQ;
	collection->exports.arguments = &collection->arguments;
	collection->exports.line = collection->line;
	collection->exports.architecture = collection->target.architecture;
	return r;
}

static int describe(struct collection *collection, size_t index)
{
	const struct inventory_item *item = &collection->survey.inventory.items[index];
	const struct decision *decision = item->decision;
	struct export_device *device = &collection->devices[index];
	char name[INVENTORY_NAME_SIZE];

	*device = (struct export_device){
		.device = item->device,
		.details = item->details,
		.name = keep(collection, strdup(item_name(item, name))),
		.claim = decision ? decision->claim : NULL,
		.taken = item_taken(item),
	};
	if (decision != NULL && !device->taken)
		device->reason = decision->reason;
	return device->name == NULL ? -ENOMEM : 0;
}

/* Takes the claims of the configuration over. */
static int read_machine(struct tool *tool, struct collection *collection)
{
	struct survey *survey = &collection->survey;
	char host[INVENTORY_NAME_SIZE];
	int r = survey_make(&tool->root, &tool->config.claims, survey);

	if (r < 0)
		return r;
	collection->devices = calloc(survey->inventory.count + 1, sizeof(*collection->devices));
	if (collection->devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < survey->inventory.count; i++)
		r = describe(collection, i);
	collection->exports.devices = collection->devices;
	collection->exports.device_count = survey->inventory.count;
	collection->exports.claims = &survey->claims;
	collection->exports.plan = &survey->plan;
	collection->exports.machine =
		keep(collection, strdup(clean_text(survey->host, host, sizeof(host))));
	return r == 0 && collection->exports.machine == NULL ? -ENOMEM : r;
}

/* A machine without a PCI bus (a container, where a build often runs) is none to look at. */
static bool has_devices(const struct tool *tool)
{
	return tool->has_machine &&
	       faccessat(tool->root.fd, "sys/bus/pci/devices", F_OK, 0) == 0;
}

static enum exit_code collect(struct tool *tool, const struct export_format *format,
			      struct collection *collection)
{
	char reason[ARGUMENTS_REASON_SIZE];
	int r = read_files(tool, collection);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	r = compose(tool, format, collection, reason);
	if (r == -E2BIG) {
		(void)fprintf(stderr, PROGRAM ": %s\n", reason);
		return EXIT_NOT_AS_WANTED;
	}
	if (r < 0)
		return report_system("the kernel arguments cannot be composed", r);
	collection->exports.host = &tool->config.host;
	collection->exports.claims = &tool->config.claims;
	collection->exports.machine = "";
	collection->exports.has_machine = has_devices(tool);
	if (!collection->exports.has_machine)
		return EXIT_AS_WANTED;
	r = read_machine(tool, collection);
	return r < 0 ? report_system("the machine's devices cannot be read", r)
		     : EXIT_AS_WANTED;
}

static void collection_free(struct collection *collection)
{
	for (size_t i = 0; i < collection->string_count; i++)
		free(collection->strings[i]);
	free(collection->strings);
	free(collection->files);
	free(collection->devices);
	free(collection->line);
	arguments_free(&collection->arguments);
	target_free(&collection->target);
	survey_free(&collection->survey);
}

static enum exit_code print_text(const struct tool *tool, const char *string)
{
	AUTO_FREE char *staged = NULL;
	int r = tool->output == NULL ? 0 : output_begin(tool->output, &staged);

	if (r < 0)
		return report_system(tool->output, r);
	enum exit_code code = fputs(string, stdout) >= 0 && fflush(stdout) == 0
				      ? EXIT_AS_WANTED
				      : report_system("standard output", -errno);
	return tool->output == NULL ? code : output_end(tool->output, staged, code);
}

static enum exit_code write_format(const struct tool *tool, const struct exports *exports,
				   const struct export_format *format)
{
	struct text text = { 0 };
	struct text reason = { 0 };
	AUTO_FREE char *string = NULL;
	AUTO_FREE char *sentences = NULL;
	int r = format->write(exports, &text, &reason);
	int taken = text_take(&text, &string);

	if (text_take(&reason, &sentences) < 0 || (r == 0 && taken < 0))
		r = -ENOMEM;
	if (r == 0)
		return print_text(tool, string);
	if (r != -EPERM && r != -EINVAL)
		return report_system("the export cannot be made", r);
	(void)fprintf(stderr, PROGRAM ": export %s: %s\n", format->name, sentences);
	return r == -EPERM ? EXIT_REFUSED : EXIT_USAGE;
}

enum exit_code run_export(struct tool *tool)
{
	struct collection collection = {
		.options = { .by = tool->by,
			     .release = tool->release,
			     .part = tool->part,
			     .placement = tool->placement,
			     .package = tool->package },
	};
	const struct export_format *format =
		tool->word_count == 1 ? export_format_find(tool->words[0]) : NULL;

	collection.exports.options = &collection.options;
	if (tool->word_count > 1) {
		(void)fprintf(stderr, PROGRAM ": '%s' is one word too many: one format\n",
			      tool->words[1]);
		return EXIT_USAGE;
	}
	if (format == NULL)
		return say_formats(tool->word_count == 1 ? tool->words[0] : NULL);
	if (!options_fit_format(&collection.options, format))
		return EXIT_USAGE;
	enum exit_code code = need_config(tool);
	if (code != EXIT_AS_WANTED)
		return code;
	code = collect(tool, format, &collection);
	if (code == EXIT_AS_WANTED)
		code = write_format(tool, &collection.exports, format);
	collection_free(&collection);
	return code;
}
