// SPDX-License-Identifier: GPL-2.0-or-later
#include "unit.h"

#include "config.h"
#include "exports.h"
#include "owned_files.h"

static struct config read_config(const char *text)
{
	struct config config = { 0 };
	struct diagnostics diagnostics = { 0 };

	assert_int_equal(config_parse(&config, "t", text, strlen(text), &diagnostics), 0);
	assert_int_equal(diagnostics.count, 0);
	diagnostics_free(&diagnostics);
	return config;
}

static void test_modprobe(void **state)
{
	struct config config =
		read_config("[host]\nunsafe_interrupts = yes\nignore_msrs = yes\n"
			    "[claim g]\nmatch = 10de:1c30\n");
	struct target target = { 0 };
	char *text;

	(void)state;
	assert_int_equal(kargs_add(&target.blacklist, "nouveau"), 0);
	assert_int_equal(owned_file_render(0, &config, &target, false, &text), 0);
	assert_string_equal(text, "# Made by `vfio-claim apply` from the configuration; do not "
				  "edit.\n"
				  "softdep nouveau pre: vfio-pci\n"
				  "options vfio_iommu_type1 allow_unsafe_interrupts=1\n"
				  "options kvm ignore_msrs=1\n");
	free(text);
	kargs_free(&target.blacklist);
	config_free(&config);
}

static void test_only_what_is_asked_for(void **state)
{
	struct config config = read_config("[host]\nblacklist = none\n");
	struct target target = { 0 };
	char *text;

	(void)state;
	assert_int_equal(kargs_add(&target.blacklist, "nouveau"), 0);
	for (size_t i = 0; i <= OWNED_FILE_COUNT; i++) {
		assert_int_equal(owned_file_render(i, &config, &target, false, &text), 0);
		assert_null(text);
	}
	kargs_free(&target.blacklist);
	config_free(&config);
}

static void test_rule_and_dracut(void **state)
{
	struct config config = read_config("[claim g]\nmatch = 10de:1c30\n");
	struct target target = { 0 };
	char *text;

	(void)state;
	assert_int_equal(owned_file_render(1, &config, &target, true, &text), 0);
	assert_non_null(strstr(text, "ATTR{device}==\"0x1c30\""));
	free(text);
	assert_int_equal(owned_file_render(2, &config, &target, true, &text), 0);
	assert_string_equal(text, "# Made by `vfio-claim apply` from the configuration; do not "
				  "edit.\n"
				  "add_dracutmodules+=\" vfio-claim \"\n");
	free(text);
	config_free(&config);
}

static void test_export_formats(void **state)
{
	(void)state;
	assert_string_equal(export_format_find("machineconfig")->name, "machineconfig");
	assert_ptr_equal(export_format_find("nova"), &export_formats[0]);
	assert_null(export_format_find("Nova"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modprobe),
		cmocka_unit_test(test_only_what_is_asked_for),
		cmocka_unit_test(test_rule_and_dracut),
		cmocka_unit_test(test_export_formats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
