// SPDX-License-Identifier: GPL-2.0-or-later
/* vfio-claim claim and release: devices to VFIO and back, now. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "match.h"
#include "runtime.h"
#include "sentences.h"
#include "text.h"
#include "tool.h"

static const char *const result_names[] = {
	"left", "already", "claimed", "released", "failed", "put-back",
};

/* One of the two commands. */
struct job {
	struct tool *tool;
	struct runtime runtime;
	struct sentences notes;
	bool claiming;
	bool refused;
};

static const char *or_none(const char *driver)
{
	return *driver ? driver : "no driver";
}

static void address_and_ids(const struct device *device, char out[PCI_ADDRESS_SIZE + 12])
{
	char address[PCI_ADDRESS_SIZE];

	(void)snprintf(out, PCI_ADDRESS_SIZE + 12, "%s  %04x:%04x",
		       pci_address_format(&device->address, address), device->ids.vendor,
		       device->ids.device);
}

/* ---- What is meant */

static bool same_card(const struct device *a, const struct device *b)
{
	return !a->is_vf && !b->is_vf && pci_address_same_slot(&a->address, &b->address);
}

/* "10de:1c30" may be one card or more: it says which. */
static int note_cards(struct job *job, const char *word, const struct claim *claim)
{
	const struct snapshot *snapshot = &job->runtime.snapshot;
	AUTO_FREE bool *taken = calloc(snapshot->count + 1, sizeof(*taken));
	struct text cards = { 0 };
	AUTO_FREE char *list = NULL;
	char address[PCI_ADDRESS_SIZE];
	const struct device *last = NULL;
	unsigned count = 0;

	if (taken == NULL)
		return -ENOMEM;
	(void)selector_select(&claim->matches[0], snapshot, taken);
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct device *device = &snapshot->devices[i];

		if (!taken[i] || (last != NULL && same_card(last, device)))
			continue;
		text_add(&cards, "%s%s", count++ > 0 ? ", " : "",
			 pci_address_format(&device->address, address));
		last = device;
	}
	int r = text_take(&cards, &list);
	if (r < 0 || count < 2)
		return r;
	return sentences_add(&job->notes, "%s is %u cards: %s", word, count, list);
}

static enum exit_code read_word(struct job *job, const char *word)
{
	char reason[RULES_REASON_SIZE];
	size_t first = job->runtime.wanted.count;
	enum word_result result = wanted_add(&job->runtime.wanted, &job->tool->config,
					     &job->runtime.snapshot, word, reason);

	if (result == WORD_NO_MEMORY)
		return report_system(word, -ENOMEM);
	if (result != WORD_TAKEN) {
		(void)fprintf(stderr, PROGRAM ": %s\n", reason);
		return result == WORD_UNKNOWN ? EXIT_USAGE : EXIT_NOT_AS_WANTED;
	}
	const struct claim *claim = &job->runtime.wanted.items[first];
	if (claims_find(&job->tool->config.claims, word) != NULL ||
	    (claim->matches[0].words & SELECT_IDS) == 0)
		return EXIT_AS_WANTED;
	int r = note_cards(job, word, claim);
	return r < 0 ? report_system(word, r) : EXIT_AS_WANTED;
}

static enum exit_code read_words(struct job *job)
{
	enum exit_code code = EXIT_AS_WANTED;

	for (size_t i = 0; code == EXIT_AS_WANTED && i < job->tool->word_count; i++)
		code = read_word(job, job->tool->words[i]);
	return code;
}

/* ---- What is said */

/* The addresses of the results for which `pick` is true; NULL for none or without memory. */
static char *list_results(const struct runtime *runtime,
			  bool (*pick)(const struct result *result))
{
	struct text text = { 0 };
	char address[PCI_ADDRESS_SIZE];
	char *list = NULL;

	for (size_t i = 0; i < runtime->result_count; i++)
		if (pick(&runtime->results[i]))
			text_add(&text, "%s%s", text.length > 0 ? ", " : "",
				 pci_address_format(&runtime->results[i].device->address,
						    address));
	if (text.length == 0 || text_take(&text, &list) < 0)
		return NULL;
	return list;
}

static bool is_for_this_boot(const struct result *result)
{
	return (result->kind == RESULT_CLAIMED || result->kind == RESULT_ALREADY) &&
	       result->claim == NULL;
}

static bool comes_back(const struct result *result)
{
	return result->kind == RESULT_RELEASED && result->claim != NULL;
}

static int add_notes(struct job *job)
{
	static const char own[] = "claim " WORD_CLAIM ": ";
	const struct runtime *runtime = &job->runtime;
	AUTO_FREE char *list =
		list_results(runtime, job->claiming ? is_for_this_boot : comes_back);
	int r = 0;

	for (size_t i = 0; r == 0 && job->claiming && i < runtime->plan.message_count; i++)
		/* What is said of a device that a word means, the rules say better. */
		if (strncmp(runtime->plan.messages[i], own, strlen(own)) != 0)
			r = sentences_add(&job->notes, "%s", runtime->plan.messages[i]);
	if (r == 0 && runtime->uses.unread > 0)
		r = sentences_add(&job->notes,
				  "the open files of %u processes are not ours to see: what "
				  "they use is not known",
				  runtime->uses.unread);
	if (r == 0 && runtime->uses.unopened[0] != '\0')
		r = sentences_add(&job->notes,
				  "/dev/%s cannot be opened here: whether the kernel itself "
				  "holds that disk is not known",
				  runtime->uses.unopened);
	if (r < 0 || list == NULL)
		return r;
	return job->claiming
		       ? sentences_add(&job->notes,
				       "until the next boot only, for no claim of the "
				       "configuration takes it: %s",
				       list)
		       : sentences_add(&job->notes,
				       "until the next boot only, for the configuration claims "
				       "it: %s; to keep it, change the configuration and run "
				       "'" PROGRAM " apply'",
				       list);
}

static void print_result(const struct job *job, const struct result *result)
{
	char name[PCI_ADDRESS_SIZE + 12];

	address_and_ids(result->device, name);
	switch (result->kind) {
	case RESULT_LEFT:
		if (job->refused)
			break;
		(void)printf("would %s  %s  from %s to %s\n",
			     job->claiming ? "claim" : "release", name, or_none(result->before),
			     *result->wanted ? result->wanted
					     : (job->claiming ? "VFIO" : "its native driver"));
		break;
	case RESULT_ALREADY:
		(void)printf("%s  %s  %s has it%s\n",
			     job->claiming ? "claimed already" : "not claimed", name,
			     or_none(result->after), job->claiming ? "" : " already");
		break;
	case RESULT_CLAIMED:
		(void)printf("claimed  %s  by %s, taken from %s\n", name, result->after,
			     or_none(result->before));
		break;
	case RESULT_RELEASED:
		(void)printf("released  %s  from %s to %s\n", name, or_none(result->before),
			     or_none(result->after));
		break;
	case RESULT_FAILED:
		(void)printf("failed  %s  %s has it now: %s\n", name, or_none(result->after),
			     result->reason);
		break;
	case RESULT_PUT_BACK:
		(void)printf("put back  %s  %s has it again, since its card is claimed whole "
			     "or not at all%s%s\n",
			     name, or_none(result->after), *result->reason ? "; but " : "",
			     result->reason);
		break;
	}
}

static void print_refusals(const struct job *job)
{
	const struct refusals *refusals = &job->runtime.refusals;
	char address[PCI_ADDRESS_SIZE];

	for (size_t i = 0; i < refusals->count; i++) {
		const struct refusal *refusal = &refusals->items[i];
		bool forced = refusal->forcible && job->tool->force;

		say(stderr, "%s%s %s%s%s%s\n", forced ? "note: " : PROGRAM ": ",
		    pci_address_format(&refusal->address, address), refusal->reason,
		    refusal->fix && !forced ? ": " : "",
		    refusal->fix && !forced ? refusal->fix : "",
		    refusal->forcible && !job->tool->force ? "; --force does it all the same"
							   : "");
	}
}

/* Without --force each counts; with it, those that it is no word for. */
static bool is_refused(const struct job *job)
{
	const struct refusals *refusals = &job->runtime.refusals;

	for (size_t i = 0; i < refusals->count; i++)
		if (!refusals->items[i].forcible || !job->tool->force)
			return true;
	return false;
}

/* ---- JSON; vfio-claim(8) has its fields */

static void add_text(json_object *object, const char *name, const char *value)
{
	(void)json_object_object_add(
		object, name,
		value != NULL && *value != '\0' ? json_object_new_string(value) : NULL);
}

static void add_steps(json_object *array, const struct record *record, const struct plan *plan,
		      const struct pci_address *address)
{
	for (size_t i = 0; i < record->step_count; i++) {
		const struct step *step = &record->steps[i];

		if (step->kind == STEP_LOAD ||
		    pci_address_compare(&plan->decisions[step->decision].address, address) != 0)
			continue;
		json_object *object = json_object_new_object();
		add_text(object, "action", step_names[step->kind]);
		add_text(object, "target", step->target);
		(void)json_object_object_add(object, "errno", json_object_new_int(step->error));
		(void)json_object_array_add(array, object);
	}
}

static json_object *result_json(const struct job *job, const struct result *result)
{
	const struct runtime *runtime = &job->runtime;
	json_object *object = json_object_new_object();
	json_object *actions = json_object_new_array();
	char text[PCI_IDS_SIZE + PCI_ADDRESS_SIZE];
	const struct device *device = result->device;

	add_text(object, "address", pci_address_format(&device->address, text));
	add_text(object, "id", pci_ids_format(&device->ids, text));
	add_text(object, "claim", result->claim);
	add_text(object, "outcome", result_names[result->kind]);
	add_text(object, "driver_wanted", result->wanted);
	add_text(object, "driver_before", result->before);
	add_text(object, "driver", result->after);
	add_text(object, "override", result->override);
	(void)json_object_object_add(
		object, "iommu_group",
		device->iommu_group < 0 ? NULL : json_object_new_int(device->iommu_group));
	add_text(object, "reason", result->reason);
	add_steps(actions, &runtime->record, &runtime->plan, &device->address);
	add_steps(actions, &runtime->back_record, &runtime->back, &device->address);
	(void)json_object_object_add(object, "actions", actions);
	return object;
}

static json_object *refusals_json(const struct job *job)
{
	json_object *array = json_object_new_array();

	for (size_t i = 0; i < job->runtime.refusals.count; i++) {
		const struct refusal *refusal = &job->runtime.refusals.items[i];
		json_object *object = json_object_new_object();
		char address[PCI_ADDRESS_SIZE];

		add_text(object, "address", pci_address_format(&refusal->address, address));
		add_text(object, "reason", refusal->reason);
		add_text(object, "fix", refusal->fix);
		(void)json_object_object_add(object, "forcible",
					     json_object_new_boolean(refusal->forcible));
		(void)json_object_array_add(array, object);
	}
	return array;
}

static void print_json(const struct job *job, enum exit_code code)
{
	json_object *object = json_object_new_object();
	json_object *devices = json_object_new_array();
	json_object *notes = json_object_new_array();

	for (size_t i = 0; i < job->runtime.result_count; i++)
		(void)json_object_array_add(devices,
					    result_json(job, &job->runtime.results[i]));
	for (size_t i = 0; i < job->notes.count; i++)
		(void)json_object_array_add(notes, json_object_new_string(job->notes.items[i]));
	(void)json_object_object_add(object, "schema", json_object_new_int(1));
	(void)json_object_object_add(object, "as_wanted",
				     json_object_new_boolean(code == EXIT_AS_WANTED &&
							     (!job->tool->dry_run ||
							      job->runtime.change_count == 0)));
	(void)json_object_object_add(object, "refused", json_object_new_boolean(job->refused));
	(void)json_object_object_add(object, "devices", devices);
	(void)json_object_object_add(object, "refusals", refusals_json(job));
	(void)json_object_object_add(object, "notes", notes);
	print_json_object(object);
}

static void print_people(const struct job *job)
{
	print_refusals(job);
	for (size_t i = 0; i < job->runtime.result_count; i++)
		print_result(job, &job->runtime.results[i]);
	for (size_t i = 0; i < job->notes.count; i++)
		say(stderr, "note: %s\n", job->notes.items[i]);
	if (job->refused)
		(void)fprintf(stderr, PROGRAM ": refused, nothing was changed\n");
}

/* ---- The commands */

static enum exit_code end(struct job *job)
{
	enum exit_code code = job->refused ? EXIT_REFUSED : EXIT_AS_WANTED;

	for (size_t i = 0; i < job->runtime.result_count; i++)
		if (job->runtime.results[i].kind == RESULT_FAILED ||
		    job->runtime.results[i].kind == RESULT_PUT_BACK)
			code = EXIT_NOT_AS_WANTED;
	int r = add_notes(job);
	if (r < 0)
		return report_system("notes", r);
	if (job->tool->json)
		print_json(job, code);
	else
		print_people(job);
	return code;
}

static enum exit_code carry_out(struct job *job)
{
	sigset_t late;
	struct runtime *runtime = &job->runtime;
	int r = job->claiming ? runtime_plan_claim(runtime, job->tool->whole_group)
			      : runtime_plan_release(runtime, job->tool->force);

	if (r < 0)
		return report_system("no plan can be made", r);
	job->refused = is_refused(job);
	if (job->refused || job->tool->dry_run || runtime->change_count == 0)
		return end(job);
	/* A card is not to be left half-way. */
	(void)sigemptyset(&late);
	(void)sigaddset(&late, SIGINT);
	(void)sigaddset(&late, SIGTERM);
	(void)sigaddset(&late, SIGHUP);
	(void)sigprocmask(SIG_BLOCK, &late, NULL);
	r = job->claiming ? runtime_claim(runtime) : runtime_release(runtime);
	enum exit_code code = end(job);
	return r < 0 ? report_system("not all could be done or noted", r) : code;
}

/* What is asked before the machine is looked at. */
static enum exit_code begin(const struct tool *tool)
{
	if (tool->word_count == 0) {
		(void)fprintf(stderr, PROGRAM ": which device? Say 01:00.0, 01:00.*, 10de:1c30 "
					      "or the name of a claim\n");
		return EXIT_USAGE;
	}
	if (!tool->root.is_host && !tool->with_hardware) {
		(void)fprintf(stderr, PROGRAM ": an image has no hardware to claim: this goes "
					      "without --root\n");
		return EXIT_USAGE;
	}
	if (!tool->dry_run && geteuid() != 0) {
		(void)fprintf(stderr, PROGRAM ": only root may do this; --dry-run shows what "
					      "would be done\n");
		return EXIT_SYSTEM;
	}
	return tool->dry_run ? EXIT_AS_WANTED : lock_root(tool);
}

/* An invalid configuration is no reason to keep a device. */
static enum exit_code may_have_config(struct tool *tool)
{
	int r = read_config(tool);

	if (r < 0)
		return report_system("the configuration cannot be read", r);
	print_diagnostics(&tool->diagnostics, "warning");
	return EXIT_AS_WANTED;
}

/* True, and said, in a container, be it named as a tree: its devices are the host's. */
static bool is_container(struct job *job)
{
	if (!is_own_root(&job->tool->root) || !say_container(job->tool, &job->notes))
		return false;
	if (job->tool->json)
		print_json(job, EXIT_AS_WANTED);
	sentences_free(&job->notes);
	return true;
}

static enum exit_code run(struct tool *tool, bool claiming)
{
	struct job job = { .tool = tool, .claiming = claiming };

	if (is_container(&job))
		return EXIT_AS_WANTED;
	enum exit_code code = begin(tool);
	/* What a run that was killed left; the lock is ours. */
	if (code == EXIT_AS_WANTED && !tool->dry_run)
		root_unstage(&tool->root, NATIVES_PATH);
	if (code == EXIT_AS_WANTED)
		code = claiming ? need_config(tool) : may_have_config(tool);
	if (code != EXIT_AS_WANTED)
		return code;
	int r = runtime_open(&job.runtime, &tool->root, &tool->config.claims);
	if (r < 0)
		code = report_system("sysfs or /" NATIVES_PATH " cannot be read", r);
	if (code == EXIT_AS_WANTED)
		code = read_words(&job);
	if (code == EXIT_AS_WANTED)
		code = carry_out(&job);
	sentences_free(&job.notes);
	runtime_free(&job.runtime);
	return code;
}

enum exit_code run_claim(struct tool *tool)
{
	return run(tool, true);
}

enum exit_code run_release(struct tool *tool)
{
	return run(tool, false);
}
