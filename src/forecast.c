// SPDX-License-Identifier: GPL-2.0-or-later
/* What the next boot of a machine will do. */
#include "forecast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "facts.h"
#include "match.h"
#include "modules.h"
#include "needs.h"
#include "scan.h"
#include "table.h"
#include "usage.h"

enum { CMDLINE_SIZE_MOST = 65536 };

static int read_present(struct forecast *forecast)
{
	AUTO_FREE char *line = NULL;
	size_t length = 0;
	int r = root_read(forecast->root, "proc/cmdline", CMDLINE_SIZE_MOST, &line, &length);

	if (r < 0)
		return sentences_add(&forecast->notes, "/proc/cmdline cannot be read: %s",
				     strerror(-r));
	cut_last_newline(line);
	return kargs_parse(line, &forecast->present);
}

/* What the last apply did; a state that cannot be read counts as none. */
static void read_state(const struct root *root, struct state *state)
{
	AUTO_FREE char *text = NULL;
	size_t length = 0;
	unsigned line;

	if (root_read(root, STATE_PATH, STATE_SIZE_MOST, &text, &length) == 0 &&
	    state_parse(text, state, &line) < 0)
		*state = (struct state){ 0 };
}

/* Those that apply would use: the one that was chosen in place of those that are found. */
static void find_loaders(const struct root *root, struct loaders *loaders)
{
	struct state state = { 0 };

	/* What cannot be looked at is looked at again by apply, which then stops. */
	(void)!loaders_detect(root, loaders);
	read_state(root, &state);
	for (int i = 0; state.chosen && i < LOADER_COUNT; i++) {
		loaders->used[i] = state.choice == i;
		loaders->why[i] = LOADER_CHOSEN;
	}
	state_free(&state);
}

/* The recovery entry's words and the switch are for one boot: see off_in_base(). */
static bool is_for_one_boot(const char *word)
{
	const char *value = kargs_value_of(word, "rd.vfio-claim");

	return strcmp(word, "single") == 0 || strcmp(word, "recovery") == 0 ||
	       (value != NULL && (strcmp(value, "0") == 0 || strcmp(value, "no") == 0 ||
				  strcmp(value, "off") == 0));
}

/* True for a word of this boot's line that apply gave to a boot loader, then or now. */
static bool is_ours(const struct state *state, const char *word)
{
	for (int i = 0; i < LOADER_COUNT; i++)
		if (state->used[i] && kargs_has(&state->loader[i].ours, word))
			return true;
	return false;
}

/* Words of others that ours stand in for come back where ours go. */
static int add_replaced(const struct state *state, struct kargs *words)
{
	int r = 0;

	for (int i = 0; i < LOADER_COUNT; i++) {
		const struct kargs *replaced = &state->loader[i].replaced;

		for (size_t j = 0; r == 0 && state->used[i] && j < replaced->count; j++)
			if (strncmp(replaced->items[j], LOADER_CREATED,
				    strlen(LOADER_CREATED)) != 0)
				r = kargs_add(words, replaced->items[j]);
	}
	return r;
}

/*
 * What of this boot's command line the next one will have too, without ours: all of it. A
 * boot loader gives the same line again, be it GRUB's, or one that MAAS or a network boot puts
 * together, which is nowhere on this machine but in /proc/cmdline; so rd.vfio-claim=SELECTOR
 * and vfio-pci.ids= count as they stand there. Not counted is what was meant for one boot (the
 * words of a recovery entry, rd.vfio-claim=0), and what the last apply gave to the boot loader:
 * the configuration of now says what takes its place.
 */
static int keep_words(const struct forecast *forecast, const struct state *state,
		      struct kargs *words)
{
	int r = add_replaced(state, words);

	for (size_t i = 0; r == 0 && i < forecast->present.count; i++) {
		const char *word = forecast->present.items[i];

		if (!is_for_one_boot(word) && !is_ours(state, word))
			r = kargs_append(words, word);
	}
	return r;
}

/* True when the last apply gave a boot loader words that this boot has not: it was before. */
static bool is_reboot_due(const struct forecast *forecast, const struct state *state)
{
	for (int i = 0; i < LOADER_COUNT; i++) {
		const struct kargs *ours = &state->loader[i].ours;

		for (size_t j = 0; state->used[i] && j < ours->count; j++)
			if (!kargs_has(&forecast->present, ours->items[j]))
				return true;
	}
	return false;
}

/*
 * Measures as apply does: behind what each boot loader has without ours. Returns 0, -E2BIG
 * where apply would refuse (forecast->too_long has its reason), or where that is not known, or
 * -ENOMEM.
 */
static int measure_on_loaders(struct forecast *forecast, const struct state *state,
			      const struct target *target)
{
	int r = -E2BIG;

	for (int i = 0; i < LOADER_COUNT; i++) {
		struct arguments arguments;
		AUTO_FREE char *base = NULL;

		if (!forecast->loaders.used[i])
			continue;
		r = loader_base_line((enum loader)i, forecast->root, &state->loader[i], &base);
		if (r == 0)
			r = arguments_compose(forecast->config, target, base, &arguments,
					      forecast->too_long);
		if (r < 0)
			return r == -ENOMEM ? r : -E2BIG;
		arguments_free(&arguments);
	}
	return r;
}

/*
 * Between an apply and the reboot the words of the apply before are on this boot's line, and no
 * state tells any more that they were ours: so they would count beside those that have taken
 * their place. What apply measures decides then, and the arguments come into `next` whatever
 * its length.
 */
static int compose_again(struct forecast *forecast, const struct state *state,
			 const struct target *target, const char *base,
			 struct arguments *arguments)
{
	struct target roomy = *target;
	int r = is_reboot_due(forecast, state) ? measure_on_loaders(forecast, state, target)
					       : -E2BIG;

	if (r < 0)
		return r;
	forecast->too_long[0] = '\0';
	r = sentences_add(
		&forecast->notes,
		"the arguments fit behind what the boot loader has, though not behind "
		"this boot's command line, where those of an apply before the last "
		"one count until the reboot");
	roomy.line_most = SIZE_MAX;
	return r == 0 ? arguments_compose(forecast->config, &roomy, base, arguments,
					  forecast->too_long)
		      : r;
}

/* Adds the arguments of the configuration, as apply gives them to the boot loader. */
static int add_arguments(struct forecast *forecast, const struct state *state,
			 const struct target *target)
{
	struct arguments arguments;
	AUTO_FREE char *base = NULL;
	int r = kargs_join(&forecast->next, &base);

	if (r == 0)
		r = arguments_compose(forecast->config, target, base, &arguments,
				      forecast->too_long);
	if (r == -E2BIG)
		r = compose_again(forecast, state, target, base, &arguments);
	if (r < 0)
		return r == -E2BIG ? 0 : r;
	for (size_t i = 0; r == 0 && i < arguments.kargs.count; i++)
		r = kargs_append(&forecast->next, arguments.kargs.items[i]);
	arguments_free(&arguments);
	return r;
}

static int make_next(struct forecast *forecast, bool configured)
{
	struct state state = { 0 };
	struct target target = { 0 };
	AUTO_FREE char *line = NULL;
	int r = read_present(forecast);

	read_state(forecast->root, &state);
	if (r == 0)
		r = keep_words(forecast, &state, &forecast->next);
	if (r == 0 && configured)
		r = target_find_for(forecast->root, forecast->config, &forecast->snapshot,
				    &target);
	if (r == 0 && configured)
		r = add_arguments(forecast, &state, &target);
	state_free(&state);
	forecast->facts.cpu = target.cpu;
	target_free(&target);
	if (r == 0)
		r = kargs_join(&forecast->next, &line);
	return r == 0 ? cmdline_parse(line, &forecast->cmdline) : r;
}

/* The claims by way of the table, as the initramfs has them, then those of the command line. */
static int make_claims(struct forecast *forecast)
{
	AUTO_FREE char *table = NULL;
	char checksum[TABLE_CHECKSUM_SIZE];
	char reason[TABLE_REASON_SIZE];
	int r = table_render(&forecast->config->claims, &table);

	if (r == 0)
		r = table_parse(table, strlen(table), &forecast->claims, checksum, reason);
	return r == 0 ? claims_append(&forecast->claims, &forecast->cmdline.claims) : r;
}

/*
 * The kernel whose modules are asked: the running one where it is installed, else the newest.
 * Returns NULL where there is none.
 */
static const char *choose_kernel(const struct root *root, const struct kernels *kernels)
{
	char running[KERNEL_NAME_SIZE];

	if (read_attribute(root->fd, "proc/sys/kernel/osrelease", running, sizeof(running)) > 0)
		for (size_t i = 0; i < kernels->count; i++)
			if (strcmp(kernels->items[i], running) == 0)
				return kernels->items[i];
	return kernels->count > 0 ? kernels->items[kernels->count - 1] : NULL;
}

static int find_variants(struct forecast *forecast, const char *kernel)
{
	struct modules *modules = NULL;

	snapshot_mark_candidates(&forecast->snapshot, &forecast->claims);
	int r = kernel == NULL ? 0 : modules_open(forecast->root, kernel, &modules);
	for (size_t i = 0; modules != NULL && i < forecast->snapshot.count; i++)
		if (forecast->snapshot.devices[i].candidate)
			modules_find_variant(modules, &forecast->snapshot.devices[i]);
	modules_close(modules);
	if (r < 0 && r != -ENOMEM)
		r = sentences_add(&forecast->notes, "the modules of %s cannot be read: %s",
				  kernel, strerror(-r));
	return r;
}

/* The details of every device: groups and twins are not claimed by half. */
static int read_devices(struct forecast *forecast, const char *kernel)
{
	int r = find_variants(forecast, kernel);

	if (r < 0)
		return r;
	return details_read(forecast->root, &forecast->snapshot, &forecast->details);
}

static int find_needs(struct forecast *forecast)
{
	bool network = network_boot_sign(forecast->root, &forecast->cmdline) != NULL;
	struct guards guards = { .phase = PHASE_WHOLE, .network_boot = network };

	forecast->guards = guards;
	forecast->in_use = guards;
	int r = needs_find(forecast->root, "", NEEDS_BOOT, &forecast->snapshot,
			   &forecast->guards);
	if (r == 0)
		r = needs_find(forecast->root, "", NEEDS_BOOT | NEEDS_NOW, &forecast->snapshot,
			       &forecast->in_use);
	return r == 0 ? uses_find(forecast->root, &forecast->snapshot, &forecast->uses) : r;
}

/* Does the boot loader switch claims off in every boot? */
static bool off_in_base(const struct forecast *forecast, const struct state *state)
{
	bool off = false;

	for (int i = 0; !off && i < LOADER_COUNT; i++) {
		struct cmdline cmdline;
		AUTO_FREE char *base = NULL;

		if (!forecast->loaders.used[i] ||
		    loader_base_line((enum loader)i, forecast->root, &state->loader[i], &base) <
			    0 ||
		    cmdline_parse(base, &cmdline) < 0)
			continue;
		off = cmdline.disabled;
		cmdline_free(&cmdline);
	}
	return off;
}

static int find_switch(struct forecast *forecast)
{
	struct state state = { 0 };
	struct cmdline present = { 0 };
	AUTO_FREE char *line = NULL;
	int r = kargs_join(&forecast->present, &line);

	if (r == 0)
		r = cmdline_parse(line, &present);
	if (r < 0)
		return r;
	read_state(forecast->root, &state);
	forecast->facts.off_by = present.disabled_by;
	forecast->facts.off_always = off_in_base(forecast, &state);
	if (forecast->facts.off_always && forecast->facts.off_by == NULL)
		forecast->facts.off_by = "rd.vfio-claim=0";
	state_free(&state);
	cmdline_free(&present);
	return 0;
}

static int find_facts(struct forecast *forecast, const struct kernels *kernels,
		      const char *kernel)
{
	const struct facts_query query = {
		.root = forecast->root,
		.config = forecast->config,
		.claims = &forecast->claims,
		.snapshot = &forecast->snapshot,
		.details = forecast->details,
		.plan = &forecast->plan,
		.present = &forecast->present,
		.next = &forecast->next,
		.cpu = forecast->facts.cpu,
		.kernels = kernels,
		.kernel = kernel,
	};
	int r = facts_read(&query, &forecast->facts);

	forecast->facts.too_long = *forecast->too_long != '\0' ? forecast->too_long : NULL;
	forecast->facts.unsigned_addon = forecast->loaders.used[LOADER_UKI_ADDON];
	return r == 0 ? find_switch(forecast) : r;
}

const char *forecast_name(void *context, const struct device *device)
{
	struct forecast *forecast = context;
	static char name[NAME_SIZE];

	return names_device(forecast->names, &device->ids, name);
}

static int find_warnings(struct forecast *forecast)
{
	const struct outlook outlook = {
		.config = forecast->config,
		.claims = &forecast->claims,
		.snapshot = &forecast->snapshot,
		.details = forecast->details,
		.guards = &forecast->in_use,
		.plan = &forecast->plan,
		.uses = &forecast->uses,
		.facts = &forecast->facts,
		.name = forecast_name,
		.name_context = forecast,
	};

	return warnings_find(&outlook, &forecast->warnings);
}

/* Is the configuration in files, images and boot entries? */
static int look_at_files(struct forecast *forecast)
{
	struct deployment deployment = { 0 };
	int r = deployment_of_config(forecast->root, forecast->config, LOADERS_AS_BEFORE, true,
				     &deployment);

	forecast->applied_known = r == 0;
	forecast->unmet = r == 0 && deployment.gaps.count > 0;
	forecast->applied = r == 0 && deployment_is_empty(&deployment) && !forecast->unmet;
	for (size_t i = 0; r == 0 && i < deployment.gaps.count; i++)
		r = sentences_add(&forecast->notes, "%s", deployment.gaps.items[i]);
	if (r < 0)
		r = sentences_add(&forecast->notes,
				  "whether the configuration is applied is not known: %s",
				  *deployment.reason ? deployment.reason : strerror(-r));
	deployment_free(&deployment);
	return r;
}

static int add_notes(struct forecast *forecast)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < forecast->cmdline.problem_count; i++)
		r = sentences_add(&forecast->notes, "%s", forecast->cmdline.problems[i]);
	if (r == 0 && forecast->uses.unread > 0)
		r = sentences_add(&forecast->notes,
				  "what %u processes of others have open is not known: run as "
				  "root to see all that is in use",
				  forecast->uses.unread);
	return r;
}

static int make_with(struct forecast *forecast, const struct kernels *kernels)
{
	const char *kernel = choose_kernel(forecast->root, kernels);
	int r = read_devices(forecast, kernel);

	if (r == 0)
		r = find_needs(forecast);
	if (r == 0)
		r = plan_make(&forecast->claims, &forecast->snapshot, &forecast->guards,
			      &forecast->plan);
	if (r == 0)
		r = find_facts(forecast, kernels, kernel);
	if (r == 0)
		r = names_open(forecast->root, &forecast->names);
	return r == 0 ? find_warnings(forecast) : r;
}

int forecast_make(const struct root *root, const struct config *config, bool configured,
		  bool files, struct forecast *forecast)
{
	struct kernels kernels = { 0 };

	*forecast = (struct forecast){ .root = root, .config = config };
	find_loaders(root, &forecast->loaders);
	int r = scan_devices(root, &forecast->snapshot);
	if (r == 0)
		r = make_next(forecast, configured);
	if (r == 0)
		r = make_claims(forecast);
	if (r == 0)
		r = kernels_find(root, &kernels);
	if (r == 0)
		r = make_with(forecast, &kernels);
	kernels_free(&kernels);
	if (r == 0 && configured && files)
		r = look_at_files(forecast);
	return r == 0 ? add_notes(forecast) : r;
}

/*
 * A virtual function is made by the driver of its physical one, after the initramfs: the udev
 * rule that the boot helper leaves takes it then.
 */
const char *forecast_when(const struct forecast *forecast, const struct decision *decision)
{
	if (decision->device != NULL &&
	    forecast->details[decision->device - forecast->snapshot.devices].is_vf)
		return "appears";
	return decision->late ? "late" : "early";
}

void forecast_free(struct forecast *forecast)
{
	warnings_free(&forecast->warnings);
	facts_free(&forecast->facts);
	names_close(forecast->names);
	plan_free(&forecast->plan);
	uses_free(&forecast->uses);
	guards_free(&forecast->guards);
	guards_free(&forecast->in_use);
	free(forecast->details);
	snapshot_free(&forecast->snapshot);
	claims_free(&forecast->claims);
	cmdline_free(&forecast->cmdline);
	kargs_free(&forecast->present);
	kargs_free(&forecast->next);
	sentences_free(&forecast->notes);
	*forecast = (struct forecast){ 0 };
}
