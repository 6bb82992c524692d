// SPDX-License-Identifier: GPL-2.0-or-later
/* Which VFIO variant drivers an image needs. */
#include "machine.h"
#include "variant.h"

static void test_aliases(void **state)
{
	/* Of mlx5_vfio_pci, nvgrace_gpu_vfio_pci, virtio_vfio_pci and of invention. */
	static const char mlx5[] = "vfio_pci:v000015B3d0000101Esv*sd*bc*sc*i*";
	static const char grace[] = "vfio_pci:v000010DEd00002342sv*sd*bc*sc*i*";
	static const char subsystem[] = "vfio_pci:v00001AF4d00001041sv00001AF4sd00001100bc*sc*i*";
	static const char display[] = "vfio_pci:v*d*sv*sd*bc03sc02i*";
	static const struct {
		const char *alias;
		const char *selector;
		bool could;
	} rows[] = {
		{ mlx5, "15b3:101e", true },
		{ mlx5, "15b3:*", true },
		{ mlx5, "*:101e", true },
		{ mlx5, "15b3:101e:1234:5678", true },
		{ mlx5, "0000:03:00.2", true },
		{ mlx5, "class=0200", true },
		{ mlx5, "path=00:03.0/00.0", true },
		{ mlx5, "15b3:101d", false },
		{ mlx5, "10de:*", false },
		{ mlx5, "0000:03:00.2 10de:1c30", false },
		{ grace, "10de:2342", true },
		{ grace, "10de:2342 class=0302", true },
		{ subsystem, "1af4:1041", true },
		{ subsystem, "1af4:1041:1af4:1100", true },
		{ subsystem, "1af4:1041:*:1100", true },
		{ subsystem, "1af4:1041:*:1101", false },
		{ subsystem, "1af4:1041:1028:*", false },
		{ display, "class=03", true },
		{ display, "class=0302", true },
		{ display, "class=030200", true },
		{ display, "class=0300", false },
		{ display, "class=04", false },
		{ display, "class=000200/00ff00", true },
		{ display, "10de:1c30 class=02", false },
		/* What is not understood could serve anything: one module too many is safe. */
		{ "vfio_pci:v0000xxxx", "10de:1c30", true },
		{ "vfio_pci:", "10de:1c30", true },
		{ "pci:v000015B3d*", "10de:1c30", true },
	};

	(void)state;
	for (size_t i = 0; i < LENGTH(rows); i++) {
		struct selector parsed = selector(rows[i].selector);

		if (variant_could_serve(rows[i].alias, &parsed) != rows[i].could)
			fail_msg("%s and %s", rows[i].alias, rows[i].selector);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_aliases) };

	return cmocka_run_group_tests_name("variant", tests, NULL, NULL);
}
