// SPDX-License-Identifier: GPL-2.0-or-later
/* The metrics have the form that `promtool check metrics` and node_exporter want. */
#include "machine.h"
#include "metrics.h"

static const struct test_device gpu[] = {
	{ "01:00.0", "10de:1c30", 0x030000, "00:03.0/00.0", "vfio-pci", false, NULL },
	{ "02:00.0", "10de:1c30", 0x030000, "00:04.0/00.0", "nouveau", false, NULL },
};

/* What a table of samples and facts gives, in one piece. */
struct fixture {
	struct claims claims;
	struct snapshot snapshot;
	struct plan plan;
	struct boot_record boot;
	struct kernel_facts kernels[3];
	struct facts facts;
	struct device_readiness devices[2];
	struct finding findings[2];
	struct readiness readiness;
	struct metrics metrics;
};

static void begin(struct fixture *f)
{
	static const struct test_claim claim[] = { { .name = "p2000",
						     .match = { "10de:1c30" } } };

	const struct guards guards = { .phase = PHASE_WHOLE };

	*f = (struct fixture){ 0 };
	f->claims = claims_of(claim, 1);
	f->snapshot = machine(gpu, LENGTH(gpu));
	assert_int_equal(plan_make(&f->claims, &f->snapshot, &guards, &f->plan), 0);
	f->boot.found = true;
	f->boot.seconds = 0.25;
	f->kernels[0] =
		(struct kernel_facts){ .release = strdup("6.1.0-1"), .current = ANSWER_YES };
	f->kernels[1] =
		(struct kernel_facts){ .release = strdup("6.1.0-2"), .current = ANSWER_NO };
	f->kernels[2] = (struct kernel_facts){ .release = strdup("6.1.0-3") };
	f->devices[1].state = DEVICE_NOT_READY;
	f->findings[0].code = f->findings[1].code = FINDING_NATIVE_DRIVER;
	f->facts = (struct facts){
		.plan = &f->plan, .boot = &f->boot, .kernels = f->kernels, .kernel_count = 3
	};
	f->readiness = (struct readiness){ .state = STATE_NOT_READY,
					   .findings = f->findings,
					   .finding_count = 2,
					   .devices = f->devices,
					   .device_count = 2,
					   .wanted = 2,
					   .ready = 1 };
	f->metrics = (struct metrics){ .facts = &f->facts,
				       .readiness = &f->readiness,
				       .version = "0.1.0",
				       .kernel = "6.1.0-1",
				       .configured = true };
}

static char *render(const struct fixture *f)
{
	char *text = NULL;

	assert_int_equal(metrics_render(&f->metrics, &text), 0);
	return text;
}

static void end(struct fixture *f)
{
	for (size_t i = 0; i < 3; i++)
		free(f->kernels[i].release);
	plan_free(&f->plan);
	claims_free(&f->claims);
	free(f->snapshot.devices);
}

static void test_values(void **state)
{
	static const char *const lines[] = {
		"\nvfio_claim_info{version=\"0.1.0\",kernel=\"6.1.0-1\"} 1\n",
		"\nvfio_claim_configured 1\n",
		"\nvfio_claim_ready 0\n",
		"\nvfio_claim_reboot_due 0\n",
		"\nvfio_claim_device_ready{address=\"0000:01:00.0\",claim=\"p2000\","
		"driver=\"vfio-pci\"} 1\n",
		"\nvfio_claim_device_ready{address=\"0000:02:00.0\",claim=\"p2000\","
		"driver=\"nouveau\"} 0\n",
		"\nvfio_claim_findings{code=\"native-driver\"} 2\n",
		"\nvfio_claim_findings{code=\"iommu-off\"} 0\n",
		"\nvfio_claim_initramfs_current{kernel=\"6.1.0-1\"} 1\n",
		"\nvfio_claim_initramfs_current{kernel=\"6.1.0-2\"} 0\n",
		"\nvfio_claim_boot_seconds 0.250\n",
	};
	struct fixture f;

	(void)state;
	begin(&f);
	char *text = render(&f);
	for (size_t i = 0; i < LENGTH(lines); i++)
		assert_contains(text, lines[i]);
	/* An image that was not looked at has no sample. */
	assert_null(strstr(text, "6.1.0-3"));
	free(text);
	f.readiness.state = STATE_REBOOT_DUE;
	text = render(&f);
	assert_contains(text, "\nvfio_claim_reboot_due 1\n");
	assert_contains(text, "\nvfio_claim_ready 0\n");
	free(text);
	f.readiness.state = STATE_READY;
	text = render(&f);
	assert_contains(text, "\nvfio_claim_ready 1\n");
	free(text);
	end(&f);
}

static void test_left_devices(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.devices[1].state = DEVICE_LEFT;
	char *text = render(&f);
	assert_null(strstr(text, "0000:02:00.0"));
	free(text);
	end(&f);
}

static void test_escapes(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	f.metrics.kernel = "a\"b\\c\nd\xc3\xa4\x01";
	char *text = render(&f);
	assert_contains(text, "kernel=\"a\\\"b\\\\c\\nd???\"} 1\n");
	free(text);
	end(&f);
}

/* --- The grammar, after prometheus/common's text_parse.go and promtool's linter ---------- */

static size_t name_length(const char *string)
{
	return strspn(string,
		      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
}

/* {a="b",...} behind a name; returns what follows. */
static const char *skip_labels(const char *at)
{
	if (*at != '{')
		return at;
	do {
		size_t length = name_length(++at);

		assert_true(length > 0 && !(*at >= '0' && *at <= '9'));
		at += length;
		assert_int_equal(*at++, '=');
		assert_int_equal(*at++, '"');
		for (; *at != '"'; at++) {
			assert_true(*at != '\0' && *at != '\n');
			if (*at == '\\')
				assert_non_null(strchr("\\\"n", *++at));
		}
		at++;
	} while (*at == ',');
	assert_int_equal(*at, '}');
	return at + 1;
}

/* One sample of the family: NAME[{LABELS}] VALUE, no time. */
static void check_sample(const char *line, const char *family)
{
	size_t length = name_length(line);
	char *rest = NULL;

	assert_int_equal(length, strlen(family));
	assert_memory_equal(line, family, length);
	const char *at = skip_labels(line + length);
	assert_int_equal(*at, ' ');
	(void)strtod(at + 1, &rest);
	assert_true(rest > at + 1);
	assert_int_equal(*rest, '\0');
}

static void check_grammar(char *text)
{
	char families[32][64] = { "" };
	size_t count = 0;
	char *rest = text;
	char *line;
	char name[64];
	int end = 0;

	assert_int_equal(text[strlen(text) - 1], '\n');
	while ((line = strsep(&rest, "\n")) != NULL && rest != NULL) {
		if (line[0] != '#') {
			assert_true(count > 0);
			check_sample(line, families[count - 1]);
			continue;
		}
		/* A family is opened once: HELP with a text, then TYPE. */
		assert_int_equal(sscanf(line, "# HELP %63[a-z_] %n", name, &end), 1);
		assert_true(strlen(line + end) > 10);
		assert_int_equal(strncmp(name, "vfio_claim_", 11), 0);
		for (size_t i = 0; i < count; i++)
			assert_string_not_equal(families[i], name);
		(void)strcpy(families[count++], name);
		line = strsep(&rest, "\n");
		char type[128];
		(void)snprintf(type, sizeof(type), "# TYPE %s gauge", name);
		assert_string_equal(line, type);
		/* The linter keeps these endings for counters and histograms. */
		assert_null(strstr(name, "_total"));
		assert_null(strstr(name, "_count"));
		/* A family without a sample would be of no use. */
		assert_true(*rest != '#' && *rest != '\0');
	}
	assert_true(count >= 5);
}

/* No sample twice: the same name and labels. */
static void check_duplicates(const char *text)
{
	for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t length = (size_t)(skip_labels(line + name_length(line)) - line);

		if (*line == '#')
			continue;
		for (const char *other = line + strcspn(line, "\n") + 1; *other != '\0';
		     other += strcspn(other, "\n") + 1)
			if (strncmp(line, other, length + 1) == 0)
				fail_msg("twice: %.*s", (int)length, line);
	}
}

static void test_grammar(void **state)
{
	struct fixture f;

	(void)state;
	begin(&f);
	char *text = render(&f);
	check_duplicates(text);
	check_grammar(text);
	free(text);
	/* Of an invalid configuration, and of none. */
	f.facts = (struct facts){ 0 };
	f.readiness.wanted = f.readiness.device_count = 0;
	f.metrics.kernel = "";
	text = render(&f);
	assert_null(strstr(text, "boot_seconds"));
	check_duplicates(text);
	check_grammar(text);
	free(text);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_left_devices),
		cmocka_unit_test(test_escapes),
		cmocka_unit_test(test_grammar),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
