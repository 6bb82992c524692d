// SPDX-License-Identifier: GPL-2.0-or-later
/* boot.json, byte for byte; that it is JSON is checked where the programs are run. */
#include "machine.h"
#include "record.h"
#include "version.h"

static const struct test_device devices[] = {
	{ "01:00.0", "10de:1c30:10de:11b3", 0x030000, "00:03.0/00.0", "nouveau", false, NULL },
	{ "03:00.0", "144d:a80a:144d:a801", 0x010802, "00:05.0/00.0", "nvme", false, NULL },
};

static const struct test_claim claim_lines[] = {
	{ .name = "gpu", .match = { "10de:1c30", "07:00.0", "1002:0001" } },
	{ .name = "disk", .match = { "144d:a80a" } },
};

static void fill(struct device_record *record, enum outcome outcome, const char *wanted,
		 const char *before, const char *after, const char *reason)
{
	record->outcome = outcome;
	(void)copy_field(record->wanted, sizeof(record->wanted), wanted);
	(void)copy_field(record->before, sizeof(record->before), before);
	(void)copy_field(record->after, sizeof(record->after), after);
	(void)copy_field(record->override, sizeof(record->override), wanted);
	(void)copy_field(record->reason, sizeof(record->reason), reason);
}

static void test_full_record(void **state)
{
	struct snapshot snapshot = machine(devices, LENGTH(devices));
	struct claims claims = claims_of(claim_lines, LENGTH(claim_lines));
	struct cmdline cmdline;
	struct plan plan;
	struct record record = { .enabled = true,
				 .kernel = "6.12.0",
				 .command_line = "ro x=\"a\\b\" \x01 rd.vfio-claim=z",
				 .started = 1.5,
				 .finished = 2.25,
				 .peak_memory_kib = 1824,
				 .table = TABLE_OK,
				 .checksum = "0123456789abcdef" };
	char *json;

	(void)state;
	assert_int_equal(cmdline_parse("rd.vfio-claim=z", &cmdline), 0);
	snapshot_mark_candidates(&snapshot, &claims);
	assert_int_equal(plan_make(&claims, &snapshot, &(struct guards){ 0 }, &plan), 0);
	assert_int_equal(plan.decision_count, 3);
	record.devices = calloc(3, sizeof(*record.devices));
	assert_non_null(record.devices);
	fill(&record.devices[0], OUTCOME_CLAIMED, "vfio-pci", "nouveau", "vfio-pci", "matched");
	fill(&record.devices[1], OUTCOME_REFUSED, "", "nvme", "nvme", "storage");
	fill(&record.devices[2], OUTCOME_REFUSED, "", "", "", "there is \"none\"");
	assert_int_equal(record_add_step(&record, STEP_OVERRIDE, 0, "vfio-pci", 0), 0);
	assert_int_equal(record_add_step(&record, STEP_LOAD, 0, "vfio_pci", -ENOENT), 0);
	assert_int_equal(record_add_step(&record, STEP_UNBIND, 0, "nouveau", -EBUSY), 0);
	assert_int_equal(record_add_step(&record, STEP_PROBE, 0, "vfio-pci", 0), 0);
	assert_int_equal(record_add_step(&record, STEP_BIND, 0, "vfio-pci", 0), 0);
	assert_int_equal(record_render(&record, &plan, &cmdline, &json), 0);
	assert_string_equal(
		json,
		"{\n"
		"  \"schema\": 1,\n"
		"  \"version\": \"" VFIO_CLAIM_VERSION "\",\n"
		"  \"enabled\": true,\n"
		"  \"kernel\": \"6.12.0\",\n"
		"  \"cmdline\": \"ro x=\\\"a\\\\b\\\" \\u0001 rd.vfio-claim=z\",\n"
		"  \"started\": 1.500,\n"
		"  \"finished\": 2.250,\n"
		"  \"peak_memory_kib\": 1824,\n"
		"  \"table\": {\"status\": \"ok\", \"checksum\": \"0123456789abcdef\", "
		"\"reason\": null},\n"
		"  \"devices\": [\n"
		"    {\n"
		"      \"address\": \"0000:01:00.0\",\n"
		"      \"id\": \"10de:1c30:10de:11b3\",\n"
		"      \"class\": \"030000\",\n"
		"      \"claim\": \"gpu\",\n"
		"      \"outcome\": \"claimed\",\n"
		"      \"driver_wanted\": \"vfio-pci\",\n"
		"      \"driver_before\": \"nouveau\",\n"
		"      \"driver\": \"vfio-pci\",\n"
		"      \"override\": \"vfio-pci\",\n"
		"      \"iommu_group\": 0,\n"
		"      \"vf\": false,\n"
		"      \"reason\": \"matched\",\n"
		"      \"actions\": [\n"
		"        {\"action\": \"override\", \"target\": \"vfio-pci\", \"errno\": 0},\n"
		"        {\"action\": \"unbind\", \"target\": \"nouveau\", \"errno\": 16},\n"
		"        {\"action\": \"probe\", \"target\": \"vfio-pci\", \"errno\": 0},\n"
		"        {\"action\": \"bind\", \"target\": \"vfio-pci\", \"errno\": 0}\n"
		"      ]\n"
		"    },\n"
		"    {\n"
		"      \"address\": \"0000:03:00.0\",\n"
		"      \"id\": \"144d:a80a:144d:a801\",\n"
		"      \"class\": \"010802\",\n"
		"      \"claim\": \"disk\",\n"
		"      \"outcome\": \"refused\",\n"
		"      \"driver_wanted\": null,\n"
		"      \"driver_before\": \"nvme\",\n"
		"      \"driver\": \"nvme\",\n"
		"      \"override\": null,\n"
		"      \"iommu_group\": 1,\n"
		"      \"vf\": false,\n"
		"      \"reason\": \"storage\",\n"
		"      \"actions\": []\n"
		"    },\n"
		"    {\n"
		"      \"address\": \"0000:07:00.0\",\n"
		"      \"id\": null,\n"
		"      \"class\": null,\n"
		"      \"claim\": \"gpu\",\n"
		"      \"outcome\": \"refused\",\n"
		"      \"driver_wanted\": null,\n"
		"      \"driver_before\": null,\n"
		"      \"driver\": null,\n"
		"      \"override\": null,\n"
		"      \"iommu_group\": null,\n"
		"      \"vf\": false,\n"
		"      \"reason\": \"there is \\\"none\\\"\",\n"
		"      \"actions\": []\n"
		"    }\n"
		"  ],\n"
		"  \"modules\": [\n"
		"    {\"name\": \"vfio_pci\", \"errno\": 2}\n"
		"  ],\n"
		"  \"messages\": [\n"
		"    \"rd.vfio-claim=z: 'z': IDs are VVVV:DDDD or VVVV:DDDD:SSSS:SSSS, four "
		"hex "
		"digits or * each\",\n"
		"    \"claim gpu: nothing matches '1002:0001'\"\n"
		"  ]\n"
		"}\n");
	free(json);
	record_free(&record);
	record_free(&record);
	cmdline_free(&cmdline);
	plan_free(&plan);
	claims_free(&claims);
	free(snapshot.devices);
}

/* Switched off: there is a record all the same. */
static void test_empty_record(void **state)
{
	struct cmdline cmdline = { 0 };
	struct plan plan = { 0 };
	struct record record = { .command_line = "", .table_reason = "it is not there" };
	char *json;

	(void)state;
	assert_int_equal(record_render(&record, &plan, &cmdline, &json), 0);
	assert_string_equal(json, "{\n"
				  "  \"schema\": 1,\n"
				  "  \"version\": \"" VFIO_CLAIM_VERSION "\",\n"
				  "  \"enabled\": false,\n"
				  "  \"kernel\": null,\n"
				  "  \"cmdline\": null,\n"
				  "  \"started\": 0.000,\n"
				  "  \"finished\": 0.000,\n"
				  "  \"peak_memory_kib\": 0,\n"
				  "  \"table\": {\"status\": \"unread\", \"checksum\": null, "
				  "\"reason\": \"it is not there\"},\n"
				  "  \"devices\": [],\n"
				  "  \"modules\": [],\n"
				  "  \"messages\": []\n"
				  "}\n");
	free(json);
}

/* The late part is added to what the early run left, as it is. */
static void test_late_record(void **state)
{
	static const char early[] = "{\n  \"schema\": 1,\n  \"messages\": []\n}\n";
	struct snapshot snapshot = machine(devices, LENGTH(devices));
	struct claims claims = claims_of(claim_lines, LENGTH(claim_lines));
	struct guards guards = { .phase = PHASE_LATE };
	struct record record = { .started = 3, .finished = 4.5 };
	struct plan plan;
	char *json;

	(void)state;
	snapshot_mark_candidates(&snapshot, &claims);
	assert_int_equal(guards_add(&guards, &snapshot.devices[0].address, "it is \"/\""), 0);
	assert_int_equal(plan_make(&claims, &snapshot, &guards, &plan), 0);
	record.devices = calloc(plan.decision_count + 1, sizeof(*record.devices));
	assert_non_null(record.devices);
	assert_int_equal(record_render_late(early, &record, &plan, &guards, &json), 0);
	assert_contains(json, "{\n  \"schema\": 1,\n  \"messages\": [],\n  \"late\": {\n");
	assert_contains(json, "\"started\": 3.000,\n  \"finished\": 4.500,\n");
	assert_contains(json, "\"storage_reason\": null");
	assert_contains(json, "\"reason\": \"it is \\\"/\\\"\"}");
	assert_string_equal(json + strlen(json) - 6, "  }\n}\n");
	free(json);
	assert_int_equal(record_render_late("", &record, &plan, &guards, &json), -EBADMSG);
	assert_int_equal(record_render_late("{} ", &record, &plan, &guards, &json), -EBADMSG);
	record_free(&record);
	plan_free(&plan);
	guards_free(&guards);
	claims_free(&claims);
	free(snapshot.devices);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full_record),
		cmocka_unit_test(test_late_record),
		cmocka_unit_test(test_empty_record),
	};

	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
