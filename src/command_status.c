// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim status: is the machine ready, and if not, why not? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "container.h"
#include "evidence.h"
#include "metrics.h"
#include "output_file.h"
#include "tool.h"
#include "version.h"

enum { POLL_MILLISECONDS = 250, WAIT_MOST = 86400 };

/* What is answered, in whichever form. */
struct answer_of_status {
	const char *state; /* the word of --json */
	bool configured;
	struct evidence evidence;
	struct readiness readiness;
};

static const char *const state_words[] = { "ready", "reboot-due", "not-ready" };

/* --- For people -------------------------------------------------------------------------- */

static bool is_coloured(void)
{
	const char *no_color = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) == 1 && (no_color == NULL || *no_color == '\0');
}

static void print_headline(const struct readiness *readiness)
{
	static const char *const colours[] = { "\033[1;32m", "\033[1;33m", "\033[1;31m" };
	static const char *const words[] = { "READY", "REBOOT DUE", "NOT READY" };
	bool coloured = is_coloured();
	char since[64] = "";
	time_t when = (time_t)readiness->reboot_since;
	struct tm local;
	size_t errors = 0;

	if (when > 0 && localtime_r(&when, &local) != NULL)
		(void)strftime(since, sizeof(since), " since %Y-%m-%d %H:%M", &local);
	for (size_t i = 0; i < readiness->finding_count; i++)
		errors += readiness->findings[i].level == LEVEL_ERROR;
	(void)printf("%s%s%s%s: ", coloured ? colours[readiness->state] : "",
		     words[readiness->state], since, coloured ? "\033[0m" : "");
	if (readiness->wanted == 0)
		(void)printf("no device is claimed");
	else
		(void)printf("%zu of %zu device%s ready", readiness->ready, readiness->wanted,
			     readiness->wanted == 1 ? "" : "s");
	if (errors > 0)
		(void)printf(", %zu error%s", errors, errors == 1 ? "" : "s");
	(void)printf("\n");
}

static int width_of(int width, const char *word)
{
	int length = (int)strlen(word);

	return length > width ? length : width;
}

static const char *driver_of(const struct decision *decision)
{
	return decision->device != NULL && *decision->device->driver != '\0'
		       ? decision->device->driver
		       : "-";
}

static void print_device(const struct decision *decision, const struct device_readiness *device,
			 int claim_width, int driver_width)
{
	static const char *const viable[] = { "-", "no", "yes" };
	char address[PCI_ADDRESS_SIZE];
	char ids[16] = "-";
	char group[16] = "-";

	if (decision->device != NULL)
		(void)snprintf(ids, sizeof(ids), "%04x:%04x",
			       decision->device->ids.vendor & 0xffff,
			       decision->device->ids.device & 0xffff);
	if (decision->device != NULL && decision->device->iommu_group >= 0)
		(void)snprintf(group, sizeof(group), "%d", decision->device->iommu_group);
	(void)printf("%-12s  %-9s  %-*s  %-*s  %5s  %-6s  ",
		     pci_address_format(&decision->address, address), ids, claim_width,
		     decision->claim->name, driver_width, driver_of(decision), group,
		     viable[device->viable]);
	if (device->state == DEVICE_READY)
		(void)printf("yes\n");
	else
		(void)printf("%s: %s\n",
			     device->state == DEVICE_LEFT ? "left to the host" : "no",
			     finding_code_names[device->cause]);
}

static void print_devices(const struct answer_of_status *answer)
{
	const struct plan *plan = &answer->evidence.plan;
	int claim_width = (int)strlen("CLAIM");
	int driver_width = (int)strlen("DRIVER");

	for (size_t i = 0; i < plan->decision_count; i++) {
		claim_width = width_of(claim_width, plan->decisions[i].claim->name);
		driver_width = width_of(driver_width, driver_of(&plan->decisions[i]));
	}
	if (answer->readiness.device_count > 0)
		(void)printf("%-12s  %-9s  %-*s  %-*s  %5s  %-6s  %s\n", "DEVICE", "IDS",
			     claim_width, "CLAIM", driver_width, "DRIVER", "GROUP", "VIABLE",
			     "READY");
	for (size_t i = 0; i < answer->readiness.device_count; i++)
		if (!answer->readiness.devices[i].repeated)
			print_device(&plan->decisions[i], &answer->readiness.devices[i],
				     claim_width, driver_width);
}

static void print_finding(const struct finding *finding)
{
	char address[PCI_ADDRESS_SIZE] = "";

	if (finding->has_address)
		(void)pci_address_format(&finding->address, address);
	say(stdout, "%s: %s%s%s [%s]\n", finding_level_names[finding->level], address,
	    finding->has_address ? ": " : "", finding->text, finding_code_names[finding->code]);
	if (finding->fix != NULL)
		say(stdout, "  fix: %s\n", finding->fix);
}

static void print_text(const struct answer_of_status *answer)
{
	if (strcmp(answer->state, "container") == 0) {
		(void)printf("this is a container: its host's devices are not looked at\n");
		return;
	}
	if (strcmp(answer->state, "unconfigured") == 0) {
		(void)printf("nothing is configured: no device is to be claimed (write "
			     "/etc/vfio-claim.conf, see vfio-claim.conf(5))\n");
		return;
	}
	print_headline(&answer->readiness);
	print_devices(answer);
	for (size_t i = 0; i < answer->readiness.finding_count; i++)
		print_finding(&answer->readiness.findings[i]);
}

/* --- JSON -------------------------------------------------------------------------------- */

static void add(json_object *object, const char *name, json_object *value)
{
	(void)json_object_object_add(object, name, value);
}

/* null for an empty one. */
static json_object *word(const char *string)
{
	return string != NULL && *string != '\0' ? json_object_new_string(string) : NULL;
}

static json_object *address_json(const struct pci_address *address)
{
	char text[PCI_ADDRESS_SIZE];

	return json_object_new_string(pci_address_format(address, text));
}

static json_object *device_json(const struct answer_of_status *answer, size_t index)
{
	const struct decision *decision = &answer->evidence.plan.decisions[index];
	const struct device_readiness *device = &answer->readiness.devices[index];
	const struct device *found = decision->device;
	json_object *object = json_object_new_object();
	char ids[PCI_IDS_SIZE];

	add(object, "address", address_json(&decision->address));
	add(object, "id", found != NULL ? word(pci_ids_format(&found->ids, ids)) : NULL);
	add(object, "claim", word(decision->claim->name));
	add(object, "driver_wanted", word(decision->driver));
	add(object, "driver", found != NULL ? word(found->driver) : NULL);
	add(object, "override", word(answer->evidence.devices[index].override));
	add(object, "iommu_group",
	    found != NULL && found->iommu_group >= 0 ? json_object_new_int(found->iommu_group)
						     : NULL);
	add(object, "viable",
	    device->viable == ANSWER_UNKNOWN
		    ? NULL
		    : json_object_new_boolean(device->viable == ANSWER_YES));
	add(object, "ready", json_object_new_boolean(device->state == DEVICE_READY));
	add(object, "refused", json_object_new_boolean(device->state == DEVICE_LEFT));
	add(object, "cause",
	    device->state == DEVICE_READY ? NULL : word(finding_code_names[device->cause]));
	return object;
}

static json_object *finding_json(const struct finding *finding)
{
	json_object *object = json_object_new_object();

	add(object, "code", word(finding_code_names[finding->code]));
	add(object, "level", word(finding_level_names[finding->level]));
	add(object, "address", finding->has_address ? address_json(&finding->address) : NULL);
	add(object, "claim", word(finding->claim));
	add(object, "kernel", word(finding->kernel));
	add(object, "text", word(finding->text));
	add(object, "fix", word(finding->fix));
	return object;
}

static json_object *time_json(long long seconds)
{
	char text[32];
	time_t when = (time_t)seconds;
	struct tm utc;

	if (seconds <= 0 || gmtime_r(&when, &utc) == NULL ||
	    strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		return NULL;
	return json_object_new_string(text);
}

static void print_json(const struct answer_of_status *answer)
{
	const struct readiness *readiness = &answer->readiness;
	json_object *object = json_object_new_object();
	json_object *devices = json_object_new_array();
	json_object *findings = json_object_new_array();

	for (size_t i = 0; i < readiness->device_count; i++)
		if (!readiness->devices[i].repeated)
			(void)json_object_array_add(devices, device_json(answer, i));
	for (size_t i = 0; i < readiness->finding_count; i++)
		(void)json_object_array_add(findings, finding_json(&readiness->findings[i]));
	add(object, "schema", json_object_new_int(1));
	add(object, "version", word(VFIO_CLAIM_VERSION));
	add(object, "kernel", word(answer->evidence.kernel));
	add(object, "state", word(answer->state));
	add(object, "ready", json_object_new_boolean(readiness->state == STATE_READY));
	add(object, "reboot_since", time_json(readiness->reboot_since));
	add(object, "devices", devices);
	add(object, "findings", findings);
	print_json_object(object);
}

/* --- Where it goes ----------------------------------------------------------------------- */

static enum exit_code print_metrics(const struct answer_of_status *answer)
{
	const struct metrics metrics = {
		.facts = &answer->evidence.facts,
		.readiness = &answer->readiness,
		.version = VFIO_CLAIM_VERSION,
		.kernel = answer->evidence.kernel,
		.configured = answer->configured,
	};
	AUTO_FREE char *text = NULL;
	int r = metrics_render(&metrics, &text);

	if (r < 0)
		return report_system("the metrics cannot be made", r);
	(void)fputs(text, stdout);
	return EXIT_AS_WANTED;
}

static enum exit_code print_answer(const struct tool *tool,
				   const struct answer_of_status *answer)
{
	enum exit_code code = EXIT_AS_WANTED;

	if (tool->json)
		print_json(answer);
	else if (tool->prometheus)
		code = print_metrics(answer);
	else
		print_text(answer);
	if (code == EXIT_AS_WANTED && (fflush(stdout) != 0 || ferror(stdout) != 0))
		code = report_system("standard output", -EIO);
	return code;
}

static enum exit_code deliver(const struct tool *tool, const struct answer_of_status *answer)
{
	AUTO_FREE char *staged = NULL;

	if (tool->output == NULL)
		return print_answer(tool, answer);
	int r = output_begin(tool->output, &staged);
	if (r < 0)
		return report_system(tool->output, r);
	return output_end(tool->output, staged, print_answer(tool, answer));
}

/* --- The answer -------------------------------------------------------------------------- */

static double now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* Judges; and again, for as long as there is something to wait for. */
static int judge(struct answer_of_status *answer, unsigned seconds)
{
	const struct timespec pause = { .tv_nsec = POLL_MILLISECONDS * 1000000L };
	double end = now() + seconds;

	for (;;) {
		int r = readiness_assess(&answer->evidence.facts, &answer->readiness);

		if (r < 0 || !answer->readiness.may_change || now() >= end)
			return r;
		readiness_free(&answer->readiness);
		(void)nanosleep(&pause, NULL);
		r = evidence_refresh(&answer->evidence);
		if (r < 0)
			return r;
	}
}

/* --reboot-due: also where errors remain that a reboot does not mend. */
static bool is_reboot_due(const struct readiness *readiness)
{
	for (size_t i = 0; i < readiness->finding_count; i++)
		if (readiness->findings[i].level == LEVEL_REBOOT)
			return true;
	return false;
}

static enum exit_code exit_of(const struct tool *tool, const struct answer_of_status *answer)
{
	if (strcmp(answer->state, "invalid-config") == 0)
		return EXIT_INVALID_CONFIG;
	if (tool->reboot_due)
		return is_reboot_due(&answer->readiness) ? EXIT_AS_WANTED : EXIT_NOT_AS_WANTED;
	return answer->readiness.state == STATE_READY ? EXIT_AS_WANTED : EXIT_NOT_AS_WANTED;
}

static int find_answer(struct tool *tool, unsigned seconds, struct answer_of_status *answer)
{
	evidence_begin(&tool->root, &answer->evidence);
	if (tool->root.is_host && container_detect(&tool->root) != NULL) {
		answer->state = "container";
		return 0;
	}
	int r = read_config(tool);
	answer->configured = tool->files.count > 0;
	if (r < 0)
		return r;
	if (tool->diagnostics.count > 0) {
		answer->state = "invalid-config";
		answer->evidence.facts.diagnostics = &tool->diagnostics;
		return readiness_assess(&answer->evidence.facts, &answer->readiness);
	}
	if (!answer->configured) {
		answer->state = "unconfigured";
		return 0;
	}
	r = evidence_gather(&tool->root, &tool->config, &tool->diagnostics, !tool->now,
			    &answer->evidence);
	if (r == 0)
		r = judge(answer, seconds);
	answer->state = state_words[answer->readiness.state];
	return r;
}

static enum exit_code read_options(const struct tool *tool, unsigned *ret_seconds)
{
	*ret_seconds = 0;
	if (tool->wait != NULL && parse_decimal(tool->wait, 0, WAIT_MOST, ret_seconds) < 0) {
		(void)fprintf(stderr,
			      PROGRAM ": --wait %s: it takes a number of seconds, 0 to %d\n",
			      tool->wait, WAIT_MOST);
		return EXIT_USAGE;
	}
	if (tool->json && tool->prometheus) {
		(void)fprintf(stderr, PROGRAM ": --json or --prometheus, not both\n");
		return EXIT_USAGE;
	}
	if (tool->reboot_due && tool->now) {
		(void)fprintf(stderr,
			      PROGRAM ": --reboot-due looks at the next boot too, which "
				      "--now leaves out\n");
		return EXIT_USAGE;
	}
	if (!tool->has_machine) {
		(void)fprintf(stderr,
			      PROGRAM ": an image has no hardware, so it is never ready; "
				      "'" PROGRAM
				      " apply --dry-run --root %s' tells whether it "
				      "is as wanted\n",
			      tool->root_path);
		return EXIT_USAGE;
	}
	return EXIT_AS_WANTED;
}

enum exit_code run_status(struct tool *tool)
{
	struct answer_of_status answer = { 0 };
	unsigned seconds;
	enum exit_code code = read_options(tool, &seconds);

	if (code != EXIT_AS_WANTED)
		return code;
	/* A snapshot has no boot loader and no images. */
	tool->now = tool->now || tool->snapshot != NULL;
	int r = find_answer(tool, seconds, &answer);
	if (r < 0)
		code = report_system("the machine cannot be looked at", r);
	else
		code = deliver(tool, &answer);
	if (r == 0 && code == EXIT_AS_WANTED)
		code = exit_of(tool, &answer);
	readiness_free(&answer.readiness);
	evidence_free(&answer.evidence);
	return code;
}
