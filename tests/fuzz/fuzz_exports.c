// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fuzzes every export: the input is the configuration, the names of a device and of the host, and
 * the choice of options. Whatever is printed is lines of visible UTF-8, and what begins none of
 * Nova's own lines begins none. In the other formats the files of the configuration and the kernel
 * arguments come back whole, and Nova's objects as JSON.
 */
#include <errno.h>
#include <json-c/json.h>

/* It chooses among the options. */
#define CONFIG_TAIL 1
#include "configured.h"
#include "exports.h"
#include "inventory.h"
#include "unquote.h"

static struct device devices[] = {
	GPU_CARD,
	{ .address = { 0, 2, 0, 0 },
	  .ids = { 0x10de, 0x1c30, 0x10de, 0x11b3 },
	  .class_code = 0x030200,
	  .iommu_group = 2 },
	{ .address = { 0, 5, 0, 0 }, .ids = { 0x8086, 0x1521, 0, 0 }, .class_code = 0x020000 },
	{ .address = { 0, 5, 0x10, 0 },
	  .ids = { 0x8086, 0x1520, 0, 0 },
	  .class_code = 0x020000,
	  .is_vf = true },
	{ .address = { 0x10000, 1, 0, 0 },
	  .ids = { 0x10de, 0x2342, 0, 0 },
	  .class_code = 0x030200 },
};

enum { DEVICES = sizeof(devices) / sizeof(devices[0]), NAME_MOST = 200 };

static const struct details details[DEVICES] = {
	[3] = { .sriov_totalvfs = 7, .sriov_numvfs = 1 },
	[4] = { .is_vf = true, .has_physfn = true, .physfn = { 0, 5, 0, 0 } },
};

static const char *const releases[] = { NULL, "newton", "pike", "zed", "2023.1", "2025.1" };
static const char *const ways[] = { NULL, "ids", "address" };
static const char *const parts[] = { NULL, "compute", "controller", "flavors" };

/* One "word" of letters, digits and `extra`; returns what is behind it. */
static const char *take_word(const char *json, const char *extra)
{
	char word[300];
	size_t length = strcspn(json + 1, "\"\n");

	MUST(*json == '"' && json[length + 1] == '"' && length < sizeof(word));
	memcpy(word, json + 1, length);
	word[length] = '\0';
	MUST(is_plain_word(word, length, extra));
	return json + length + 2;
}

/* {"name": "value", ...} to the end of the line, with names that there are. */
static void check_object(const char *json)
{
	static const char *const names[] = {
		"\"address\"",     "\"vendor_id\"",       "\"product_id\"",     "\"name\"",
		"\"device_type\"", "\"numa_policy\"",     "\"resource_class\"", "\"traits\"",
		"\"managed\"",     "\"live_migratable\"", "\"one_time_use\"",
	};

	const size_t count = sizeof(names) / sizeof(names[0]);

	MUST(*json == '{');
	do {
		size_t i = 0;

		json += *json == ',' ? 2 : 1;
		while (i < count && strncmp(json, names[i], strlen(names[i])) != 0)
			i++;
		MUST(i < count);
		json = take_word(json, "_");
		MUST(strncmp(json, ": ", 2) == 0);
		json = take_word(json + 2, "._-:*,");
	} while (strncmp(json, ", ", 2) == 0);
	MUST(strncmp(json, "}\n", 2) == 0);
}

static void check_line(const char *line, size_t length, const char *format)
{
	static const char *const nova[] = { "#",
					    "[",
					    "device_spec = {",
					    "alias = {",
					    "pci_",
					    "passthrough_whitelist = {",
					    "report_in_placement = ",
					    "enabled_filters = ",
					    "openstack flavor set FLAVOR" };

	for (size_t i = 0; i < length; i++)
		MUST((unsigned char)line[i] >= ' ' && line[i] != 0x7f);
	if (strcmp(format, "nova") != 0 || length == 0)
		return;
	for (size_t i = 0; i < sizeof(nova) / sizeof(nova[0]); i++)
		if (strncmp(line, nova[i], strlen(nova[i])) == 0) {
			const char *brace = memchr(line, '{', length);

			if (brace != NULL && *line != '#')
				check_object(brace);
			return;
		}
	MUST(!"a line that Nova does not have");
}

static void check_text(const char *text, const char *format)
{
	MUST(is_utf8(text) && *text != '\0');
	while (*text != '\0') {
		size_t length = strcspn(text, "\n");

		MUST(text[length] == '\n');
		check_line(text, length, format);
		text += length + 1;
	}
}

/* What is behind the next `mark`, from where *text is; moves *text there. NULL: no further one. */
static const char *next_behind(const char **text, const char *mark)
{
	const char *found = strstr(*text, mark);

	if (found != NULL)
		*text = found + strlen(mark);
	return found != NULL ? *text : NULL;
}

static unsigned digit_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *digit = strchr(digits, c);

	MUST(c != '\0' && digit != NULL);
	return (unsigned)(digit - digits);
}

/* Base64 to the end of the line (RFC 4648). */
static void check_base64(const char *base64, const char *wanted)
{
	size_t digits = strcspn(base64, "=\n");
	size_t length = digits * 3 / 4;

	MUST((digits + strspn(base64 + digits, "=")) % 4 == 0);
	MUST(base64[digits + strspn(base64 + digits, "=")] == '\n');
	MUST(length == strlen(wanted));
	for (size_t i = 0; i < length; i++) {
		size_t bit = i * 8;
		unsigned pair = digit_of(base64[bit / 6]) << 6 | digit_of(base64[bit / 6 + 1]);

		MUST((unsigned char)wanted[i] == (pair >> (4 - bit % 6) & 0xff));
	}
}

/* One string that the format has in quotes. Owned by the caller. */
static char *unquote(const char *quoted, void (*take)(struct reading *reading))
{
	struct reading reading = { .rest = quoted, .out = malloc(strlen(quoted) * 4 + 8) };

	MUST(reading.out != NULL);
	take(&reading);
	MUST(*reading.rest == '\n' || *reading.rest == ' ');
	reading.out[reading.length] = '\0';
	return reading.out;
}

static void take_yaml(struct reading *reading)
{
	take_escaped(reading, false);
}

static void check_is(const char *quoted, void (*take)(struct reading *reading),
		     const char *wanted)
{
	MUST(quoted != NULL);
	char *string = unquote(quoted, take);
	MUST(strcmp(string, wanted) == 0);
	free(string);
}

/* One object, or a list of them, as a strict reader takes it. */
static void check_json(const char *quoted)
{
	struct json_tokener *tokener = json_tokener_new();
	char *json = unquote(quoted, take_yaml);

	MUST(tokener != NULL);
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	struct json_object *object =
		json_tokener_parse_ex(tokener, json, (int)strlen(json) + 1);
	MUST(object != NULL);
	(void)json_object_put(object);
	json_tokener_free(tokener);
	free(json);
}

/* Of Nova's chart: the items of two lists, and the host's name. */
static void check_genestack(const char *text, const char *machine)
{
	const char *rest = text;

	while (*machine != '\0' && next_behind(&rest, "\n        - name: ") != NULL)
		check_is(rest, take_yaml, machine);
	MUST(*machine == '\0' || rest != text);
	for (rest = text; (rest = strchr(rest, '\n')) != NULL;) {
		rest += 1 + strspn(rest + 1, " ");
		if (strncmp(rest, "- \"{", 4) == 0)
			check_json(rest + 2);
	}
}

static void check_kernel_arguments(const char *text, const struct kargs *kargs)
{
	if (kargs->count == 0)
		return;
	MUST(next_behind(&text, "\n  kernelArguments:\n") != NULL);
	for (size_t i = 0; i < kargs->count; i++) {
		MUST(strncmp(text, "    - ", 6) == 0);
		check_is(text + 6, take_yaml, kargs->items[i]);
		text = strchr(text, '\n') + 1;
	}
	MUST(*text == '\0');
}

static void check_maas(const char *text, const char *line)
{
	MUST(next_behind(&text, "\nmaas \"$PROFILE\" tags create \\\n    name=") != NULL);
	free(unquote(text, take_shell));
	check_is(next_behind(&text, "\n    kernel_opts="), take_shell, line);
	free(unquote(next_behind(&text, " \\\n    definition="), take_shell));
}

/* What was said is there, and nothing that was said ended it early. */
static void check_comes_back(const struct exports *exports, const char *text,
			     const char *format)
{
	const char *file = exports->files[0].text;

	if (strcmp(format, "cloud-init") == 0)
		check_base64(next_behind(&text, "\n    content: "), file);
	if (strcmp(format, "juju") == 0) {
		MUST(next_behind(&text, "\n            base64 -d >\"$stage/1.conf\" <<END\n"));
		check_base64(text + strspn(text, " "), file);
	}
	if (strcmp(format, "machineconfig") == 0) {
		check_kernel_arguments(text, &exports->arguments->kargs);
		check_base64(next_behind(&text, "\n            source: data:;base64,"), file);
	}
	if (strcmp(format, "maas") == 0)
		check_maas(text, exports->line);
	if (strcmp(format, "edpm") == 0) {
		check_is(next_behind(&text, "\n        edpm_kernel_args: "), take_yaml,
			 exports->line);
		check_is(next_behind(&text, "\n            content: !unsafe "), take_yaml,
			 file);
	}
	if (strcmp(format, "charms") == 0) {
		check_json(next_behind(&text, "\n      pci-passthrough-whitelist: "));
		while (next_behind(&text, "\n      pci-alias: ") != NULL)
			check_json(text);
	}
	if (strcmp(format, "genestack") == 0)
		check_genestack(text, exports->machine);
}

static void run_formats(const struct exports *exports)
{
	for (const struct export_format *format = export_formats; format->name != NULL;
	     format++) {
		struct text text = { 0 };
		struct text reason = { 0 };
		char *string;
		char *sentences;
		int r = format->write(exports, &text, &reason);

		MUST(text_take(&text, &string) == 0 && text_take(&reason, &sentences) == 0);
		MUST(r == 0 || ((r == -EPERM || r == -EINVAL) && *sentences != '\0'));
		if (r == 0) {
			check_text(string, format->name);
			check_comes_back(exports, string, format->name);
		}
		free(string);
		free(sentences);
	}
}

/* As the tool does it. */
static void describe(const struct plan *plan, const char *name, struct export_device *out)
{
	for (size_t i = 0; i < DEVICES; i++) {
		out[i] = (struct export_device){ .device = &devices[i],
						 .details = &details[i],
						 .name = name };
		for (size_t d = 0; d < plan->decision_count; d++)
			if (plan->decisions[d].device == &devices[i]) {
				out[i].claim = plan->decisions[d].claim;
				out[i].taken = plan->decisions[d].verdict == VERDICT_TAKE;
				out[i].reason = plan->decisions[d].reason;
			}
	}
}

static void run_machine(struct exports *exports)
{
	struct snapshot snapshot = { devices, DEVICES };
	const struct guards whole = { .phase = PHASE_WHOLE };
	struct export_device described[DEVICES];
	struct plan plan = { 0 };

	run_formats(exports);
	for (size_t i = 0; i < DEVICES; i++)
		devices[i].candidate = true;
	MUST(plan_make(exports->claims, &snapshot, &whole, &plan) == 0);
	describe(&plan, exports->machine, described);
	exports->has_machine = true;
	exports->devices = described;
	exports->device_count = DEVICES;
	exports->plan = &plan;
	run_formats(exports);
	plan_free(&plan);
}

/* What the fuzzer gave. */
struct input {
	char *text;
	size_t choice;
};

static void run(const struct config *config, void *context)
{
	const struct input *input = context;
	const size_t choice = input->choice;
	struct target target = { .architecture = ARCH_X86,
				 .cpu = CPU_INTEL,
				 .line_most = COMMAND_LINE_MOST };
	const struct export_options options = { .release = releases[choice % 6],
						.by = ways[choice / 6 % 3],
						.part = parts[choice / 18 % 4],
						.placement = choice / 72 % 2 == 1 };
	const struct export_file file = { "/etc/vfio-claim.conf", input->text };
	char name[NAME_MOST];
	char reason[ARGUMENTS_REASON_SIZE];
	struct arguments arguments;
	char *line;
	struct exports exports = { .claims = &config->claims,
				   .host = &config->host,
				   .files = &file,
				   .file_count = 1,
				   .machine = clean_text(input->text, name, sizeof(name)),
				   .architecture = ARCH_X86,
				   .arguments = &arguments,
				   .options = &options };

	if (arguments_compose(config, &target, "", &arguments, reason) < 0)
		return;
	MUST(kargs_join(&arguments.kargs, &line) == 0);
	exports.line = line;
	run_machine(&exports);
	free(line);
	arguments_free(&arguments);
}

/* The last byte chooses among the options, the rest is the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input;

	if (size == 0)
		return 0;
	input.text = strndup((const char *)data, size - 1);
	input.choice = data[size - 1];
	MUST(input.text != NULL);
	with_config(input.text, strlen(input.text), run, &input);
	free(input.text);
	return 0;
}
