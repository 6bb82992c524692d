// SPDX-License-Identifier: GPL-2.0-or-later
/* Claims and releases devices of the running machine: looks, judges, carries out. */
#include "runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "apply.h"
#include "kargs.h"
#include "match.h"
#include "needs.h"
#include "scan.h"
#include "text.h"
#include "usage.h"

enum { COMMAND_LINE_SIZE_MOST = 65536, CANDIDATES_MOST = 16 };

/* ---- What there is */

static int read_natives(struct runtime *runtime)
{
	AUTO_FREE char *data = NULL;
	size_t length;

	int r = root_read(runtime->root, NATIVES_PATH, NATIVES_SIZE_MOST, &data, &length);

	/* What cannot be read must not be taken for nothing, and then be written so. */
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return natives_parse(data, &runtime->natives);
}

/* Which devices the claims name; what is done with them is another matter. */
static int find_named(const struct runtime *runtime, const struct claims *claims,
		      struct plan *ret_plan)
{
	const struct guards none = { .phase = PHASE_WHOLE };

	return plan_make(claims, &runtime->snapshot, &none, ret_plan);
}

static int make_plan(struct runtime *runtime)
{
	return plan_make(&runtime->wanted, &runtime->snapshot, &runtime->guards,
			 &runtime->plan);
}

int runtime_open(struct runtime *runtime, const struct root *root,
		 const struct claims *configured)
{
	runtime->root = root;
	(void)!root_take_trouble(); /* of somebody else's questions */
	int r = scan_devices(root, &runtime->snapshot);
	/* A function that cannot be read may be one of the card's. */
	if (r == 0)
		r = root_take_trouble();
	if (r < 0)
		return r;
	r = details_read(root, &runtime->snapshot, &runtime->details);
	if (r == 0)
		r = uses_find(root, &runtime->snapshot, &runtime->uses);
	runtime->guards.phase = PHASE_WHOLE;
	if (r == 0)
		r = needs_find(root, "", NEEDS_NOW, &runtime->snapshot, &runtime->guards);
	if (r == 0)
		r = read_natives(runtime);
	/* Without libkmod nothing can be loaded, which is told where it matters. A tree is not
	 * the running kernel's. */
	if (modules_open(root, root->is_host ? NULL : "tree", &runtime->modules) < 0)
		runtime->modules = NULL;
	for (size_t i = 0; runtime->modules != NULL && i < runtime->snapshot.count; i++)
		modules_find_variant(runtime->modules, &runtime->snapshot.devices[i]);
	return r == 0 ? find_named(runtime, configured, &runtime->config_plan) : r;
}

void runtime_free(struct runtime *runtime)
{
	free(runtime->results);
	plan_free(&runtime->config_plan);
	refusals_free(&runtime->refusals);
	record_free(&runtime->back_record);
	plan_free(&runtime->back);
	record_free(&runtime->record);
	plan_free(&runtime->plan);
	claims_free(&runtime->wanted);
	natives_free(&runtime->natives);
	modules_close(runtime->modules);
	guards_free(&runtime->guards);
	uses_free(&runtime->uses);
	free(runtime->details);
	snapshot_free(&runtime->snapshot);
	*runtime = (struct runtime){ 0 };
}

static const struct details *details_of(const struct runtime *runtime,
					const struct device *device)
{
	return &runtime->details[device - runtime->snapshot.devices];
}

static const char *configured_claim(const struct runtime *runtime,
				    const struct pci_address *address)
{
	for (size_t i = 0; i < runtime->config_plan.decision_count; i++)
		if (pci_address_compare(&runtime->config_plan.decisions[i].address, address) ==
		    0)
			return runtime->config_plan.decisions[i].claim->name;
	return NULL;
}

static struct result *add_result(struct runtime *runtime, const struct device *device,
				 const char *wanted, bool already)
{
	struct result *result =
		array_grow(&runtime->results, runtime->result_count, sizeof(*result));

	if (result == NULL)
		return NULL;
	runtime->result_count++;
	runtime->change_count += already ? 0 : 1;
	result->kind = already ? RESULT_ALREADY : RESULT_LEFT;
	result->device = device;
	result->claim = configured_claim(runtime, &device->address);
	(void)copy_field(result->wanted, sizeof(result->wanted), wanted);
	(void)copy_field(result->before, sizeof(result->before), device->driver);
	(void)copy_field(result->after, sizeof(result->after), device->driver);
	(void)copy_field(result->override, sizeof(result->override),
			 details_of(runtime, device)->override);
	return result;
}

static struct result *result_of(struct runtime *runtime, const struct pci_address *address)
{
	for (size_t i = 0; i < runtime->result_count; i++)
		if (pci_address_compare(&runtime->results[i].device->address, address) == 0)
			return &runtime->results[i];
	return NULL;
}

static struct situation situation_of(const struct runtime *runtime)
{
	return (struct situation){ &runtime->snapshot, runtime->details, &runtime->uses };
}

/* ---- Claim */

/* Of what is to be taken, disks are looked at that nothing else speaks for. */
static int find_held_disks(struct runtime *runtime)
{
	AUTO_FREE bool *asked = calloc(runtime->snapshot.count + 1, sizeof(*asked));

	if (asked == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < runtime->plan.decision_count; i++) {
		const struct decision *decision = &runtime->plan.decisions[i];

		if (decision->verdict == VERDICT_TAKE &&
		    !is_claimed_already(decision, details_of(runtime, decision->device)))
			asked[decision->device - runtime->snapshot.devices] = true;
	}
	return uses_add_held(runtime->root, &runtime->snapshot, asked, &runtime->uses);
}

int runtime_plan_claim(struct runtime *runtime, bool group)
{
	struct situation situation = situation_of(runtime);
	int r = make_plan(runtime);

	if (r == 0 && group) {
		r = wanted_add_groups(&runtime->wanted, &runtime->snapshot, &runtime->plan);
		plan_free(&runtime->plan);
		if (r == 0)
			r = make_plan(runtime);
	}
	for (size_t i = 0; r == 0 && i < runtime->plan.decision_count; i++) {
		const struct decision *decision = &runtime->plan.decisions[i];

		if (decision->device != NULL &&
		    add_result(runtime, decision->device, decision->driver,
			       is_claimed_already(decision,
						  details_of(runtime, decision->device))) ==
			    NULL)
			r = -ENOMEM;
	}
	if (r == 0)
		r = find_held_disks(runtime);
	return r == 0 ? claim_refusals(&runtime->plan, &situation, &runtime->refusals) : r;
}

static int load_module(void *context, const char *module, const char *options)
{
	const struct runtime *runtime = context;

	return runtime->modules ? modules_load(runtime->modules, module, options) : -ENOSYS;
}

static bool same_card(const struct device *a, const struct device *b)
{
	return a == b ||
	       (!a->is_vf && !b->is_vf && pci_address_same_slot(&a->address, &b->address));
}

static bool card_failed(const struct runtime *runtime, const struct device *device)
{
	for (size_t i = 0; i < runtime->plan.decision_count; i++)
		if (runtime->record.devices[i].outcome == OUTCOME_FAILED &&
		    same_card(runtime->plan.decisions[i].device, device))
			return true;
	return false;
}

/* What was changed of a card that failed: who had it before is to have it again. */
static int plan_putting_back(struct runtime *runtime)
{
	size_t count = 0;
	AUTO_FREE struct giving_back *devices =
		calloc(runtime->plan.decision_count + 1, sizeof(*devices));

	if (devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < runtime->plan.decision_count; i++) {
		const struct decision *decision = &runtime->plan.decisions[i];

		if (!card_failed(runtime, decision->device) ||
		    result_of(runtime, &decision->address)->kind == RESULT_ALREADY)
			continue;
		devices[count].device = decision->device;
		devices[count].claim = decision->claim;
		(void)copy_field(devices[count].driver, sizeof(devices[count].driver),
				 runtime->record.devices[i].before);
		count++;
	}
	return plan_release(devices, count, &runtime->back);
}

static void take_record(struct result *result, const struct device_record *record)
{
	(void)copy_field(result->wanted, sizeof(result->wanted), record->wanted);
	(void)copy_field(result->before, sizeof(result->before), record->before);
	(void)copy_field(result->after, sizeof(result->after), record->after);
	(void)copy_field(result->override, sizeof(result->override), record->override);
	(void)copy_field(result->reason, sizeof(result->reason), record->reason);
}

static void note_claimed(struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->plan.decision_count; i++) {
		struct result *result = result_of(runtime, &runtime->plan.decisions[i].address);
		const struct device_record *record = &runtime->record.devices[i];

		if (result == NULL || result->kind == RESULT_ALREADY)
			continue;
		take_record(result, record);
		result->kind =
			record->outcome == OUTCOME_CLAIMED ? RESULT_CLAIMED : RESULT_FAILED;
		if (result->kind == RESULT_CLAIMED)
			result->reason[0] = '\0';
	}
}

/* A failed one stays failed, and is where it was; the others were put back for its sake. */
static void note_put_back(struct runtime *runtime)
{
	for (size_t i = 0; i < runtime->back.decision_count; i++) {
		struct result *result = result_of(runtime, &runtime->back.decisions[i].address);
		const struct device_record *record = &runtime->back_record.devices[i];

		(void)copy_field(result->after, sizeof(result->after), record->after);
		(void)copy_field(result->override, sizeof(result->override), record->override);
		if (result->kind != RESULT_CLAIMED)
			continue;
		result->kind = RESULT_PUT_BACK;
		(void)copy_field(result->reason, sizeof(result->reason), record->reason);
	}
}

static int write_natives(const struct runtime *runtime)
{
	AUTO_FREE char *text = NULL;

	if (runtime->natives.count == 0) {
		int r = root_remove(runtime->root, NATIVES_PATH);

		return r == -ENOENT ? 0 : r;
	}
	int r = natives_render(&runtime->natives, &text);
	return r == 0 ? root_write_file(runtime->root, NATIVES_PATH, text) : r;
}

/*
 * Who had the devices whose result is of this kind. One that a VFIO driver had before has no
 * native driver to remember.
 */
static int remember(struct runtime *runtime, enum result_kind kind)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < runtime->result_count; i++) {
		const struct result *result = &runtime->results[i];

		if (result->kind == kind && !is_vfio_driver(result->before))
			r = natives_set(&runtime->natives, &result->device->address,
					result->before);
	}
	return r == 0 ? write_natives(runtime) : r;
}

/* Before anything is changed: whenever the run ends, release finds who is to have them. */
static int remember_planned(struct runtime *runtime)
{
	AUTO_FREE char *before = NULL;
	int r = natives_render(&runtime->natives, &before);

	if (r == 0)
		r = remember(runtime, RESULT_LEFT);
	natives_free(&runtime->natives);
	return r == 0 ? natives_parse(before, &runtime->natives) : r;
}

int runtime_claim(struct runtime *runtime)
{
	struct loader loader = { load_module, runtime };
	int r = remember_planned(runtime);

	if (r == 0)
		r = plan_apply(&runtime->plan, runtime->root, &loader, &runtime->record);
	if (r < 0)
		return r;
	note_claimed(runtime);
	r = plan_putting_back(runtime);
	if (r == 0 && runtime->back.decision_count > 0) {
		r = plan_apply(&runtime->back, runtime->root, &loader, &runtime->back_record);
		if (r == 0)
			note_put_back(runtime);
	}
	return r == 0 ? remember(runtime, RESULT_CLAIMED) : r;
}

/* ---- Release */

struct search {
	const struct runtime *runtime;
	struct candidate items[CANDIDATES_MOST];
	size_t count;
};

static bool exists(const struct root *root, const char *directory, const char *name)
{
	char path[96 + DRIVER_NAME_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	return faccessat(root->fd, path, F_OK, 0) == 0;
}

static int add_candidate(void *context, const char *module, const char *path)
{
	struct search *search = context;
	const struct runtime *runtime = search->runtime;

	if (search->count == CANDIDATES_MOST || is_vfio_driver(module))
		return 0;
	struct candidate *item = &search->items[search->count];
	if (copy_field(item->name, sizeof(item->name), module) < 0)
		return 0;
	item->loaded = path == NULL || exists(runtime->root, "sys/module", module);
	item->blacklisted = modules_is_blacklisted(runtime->modules, module);
	item->frame_buffer = path != NULL && strstr(path, "/video/fbdev/") != NULL;
	search->count++;
	return 0;
}

/* Returns 1, 0 or a negative errno. */
static int driver_exists(const struct runtime *runtime, const char *driver)
{
	char path[64 + DRIVER_NAME_SIZE];

	(void)snprintf(path, sizeof(path), "sys/bus/pci/drivers/%s", driver);
	return entry_exists(runtime->root->fd, path);
}

/* True when modprobe.blacklist= of the command line has the module. */
static bool is_in_command_line(const struct runtime *runtime, const char *module)
{
	AUTO_FREE char *line = NULL;
	size_t length;
	struct kargs kargs = { 0 };
	bool found = false;

	if (root_read(runtime->root, "proc/cmdline", COMMAND_LINE_SIZE_MOST, &line, &length) <
		    0 ||
	    kargs_parse(line, &kargs) < 0)
		return false;
	for (size_t i = 0; i < kargs.count; i++) {
		const char *value = kargs_value_of(kargs.items[i], "modprobe.blacklist");

		for (; value != NULL && *value != '\0'; value += strspn(value, ",")) {
			length = strcspn(value, ",");
			found = found || (length == strlen(module) &&
					  strncmp(value, module, length) == 0);
			value += length;
		}
	}
	kargs_free(&kargs);
	return found;
}

static int refuse_blacklisted(struct runtime *runtime, const struct device *device,
			      const char *module)
{
	char fix[160];

	(void)snprintf(fix, sizeof(fix), "run 'modprobe %s' first", module);
	return refusals_add(&runtime->refusals, &device->address, true, fix,
			    "would be without a driver: its native module %s is blacklisted "
			    "(%s)",
			    module,
			    is_in_command_line(runtime, module)
				    ? "modprobe.blacklist= of the kernel command line"
				    : "modprobe.d");
}

/*
 * Who is to have the device: the driver that it was taken from, if that is known; else the one
 * of the module that its modalias leads to, by udev's rules.
 */
static int find_native(struct runtime *runtime, struct giving_back *giving, bool force)
{
	const struct native *native = natives_find(&runtime->natives, &giving->device->address);
	struct search search = { .runtime = runtime };
	int blacklisted;

	if (native != NULL)
		(void)copy_field(giving->driver, sizeof(giving->driver), native->driver);
	int there = *giving->driver ? driver_exists(runtime, giving->driver) : 0;
	if (there != 0)
		return there < 0 ? there : 0;
	if (runtime->modules != NULL) {
		int r = modules_each_of_alias(runtime->modules,
					      details_of(runtime, giving->device)->modalias,
					      add_candidate, &search);
		if (r < 0)
			return r;
	}
	giving->or_none = native != NULL && *native->driver == '\0';
	int chosen =
		choose_native(search.items, search.count, force, giving->or_none, &blacklisted);
	if (chosen >= 0)
		return copy_field(giving->module, sizeof(giving->module),
				  search.items[chosen].name);
	giving->driver[0] = '\0';
	if (blacklisted >= 0)
		return refuse_blacklisted(runtime, giving->device,
					  search.items[blacklisted].name);
	return 0;
}

/*
 * True for what a release that was cut off leaves: no driver has it, and the native one's name
 * stands in driver_override.
 */
static bool is_half_released(const struct runtime *runtime, const struct device *device)
{
	const char *override = details_of(runtime, device)->override;

	return *device->driver == '\0' && *override != '\0' && !is_vfio_driver(override) &&
	       driver_exists(runtime, override) == 1;
}

/* The devices that are meant, whether or not they may be taken at boot. */
static int plan_giving_back(struct runtime *runtime, bool force)
{
	size_t count = 0;
	int r = 0;
	AUTO_FREE struct giving_back *devices =
		calloc(runtime->plan.decision_count + 1, sizeof(*devices));

	if (devices == NULL)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < runtime->plan.decision_count; i++) {
		const struct decision *decision = &runtime->plan.decisions[i];
		struct giving_back *giving = &devices[count];

		if (decision->device == NULL)
			continue;
		const struct details *details = details_of(runtime, decision->device);
		bool half = is_half_released(runtime, decision->device);
		bool held = half || is_held_for_vfio(decision->device, details);
		if (held) {
			giving->device = decision->device;
			giving->claim = decision->claim;
			if (half)
				(void)copy_field(giving->driver, sizeof(giving->driver),
						 details->override);
			r = find_native(runtime, giving, force);
			count++;
		}
		if (r == 0 && add_result(runtime, decision->device, held ? giving->driver : "",
					 !held) == NULL)
			r = -ENOMEM;
	}
	return r == 0 ? plan_release(devices, count, &runtime->back) : r;
}

int runtime_plan_release(struct runtime *runtime, bool force)
{
	struct situation situation = situation_of(runtime);
	int r = find_named(runtime, &runtime->wanted, &runtime->plan);

	if (r == 0)
		r = release_refusals(&runtime->plan, &situation, &runtime->refusals);
	return r == 0 ? plan_giving_back(runtime, force) : r;
}

int runtime_release(struct runtime *runtime)
{
	struct loader loader = { load_module, runtime };
	int r = plan_apply(&runtime->back, runtime->root, &loader, &runtime->back_record);

	if (r < 0)
		return r;
	for (size_t i = 0; i < runtime->back.decision_count; i++) {
		const struct pci_address *address = &runtime->back.decisions[i].address;
		struct result *result = result_of(runtime, address);
		const struct device_record *record = &runtime->back_record.devices[i];

		take_record(result, record);
		result->kind =
			record->outcome == OUTCOME_RELEASED ? RESULT_RELEASED : RESULT_FAILED;
		if (!is_vfio_driver(record->after))
			natives_remove(&runtime->natives, address);
	}
	return write_natives(runtime);
}
