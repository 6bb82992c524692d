// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * `export edpm`: values for the data plane of Red Hat OpenStack Services on OpenShift, in the
 * layout of openstack-k8s-operators/architecture, examples/dt/nova/nova04delta.
 */
#include <errno.h>

#include "nova.h"
#include "version.h"

/* What RHOSO 18 has. */
#define EDPM_RELEASE "2023.1"

static void add_document(struct text *text, const char *comment)
{
	text_add(text, "---\n");
	text_add_comment(text, "# ", comment);
}

/* data.nodeset of edpm/nodeset/values.yaml. */
static void add_nodeset(struct text *text, const struct exports *exports)
{
	text_add(text, "  nodeset:\n"
		       "    ansible:\n"
		       "      ansibleVars:\n"
		       "        # As 'vfio-claim cmdline' prints them.\n"
		       "        edpm_kernel_args: ");
	/* Characters that need no care; see arguments_are_plain(). */
	text_add(text, "\"%s\"\n", exports->line);
	text_add(text,
		 "        edpm_reboot_strategy: force\n"
		 "        # CHANGEME: the processors that are for guests alone, and the same\n"
		 "        # in isolcpus= (extra_args) and cpu_dedicated_set below:\n"
		 "        # edpm_tuned_profile: cpu-partitioning-powersave\n"
		 "        # edpm_tuned_isolated_cores: \"CHANGEME\"\n"
		 "    # CHANGEME: your services, with vfio-claim where vfio-pci-bind was, "
		 "first,\n"
		 "    # and reboot-os behind it.\n"
		 "    services:\n"
		 "      - vfio-claim\n"
		 "      - bootstrap\n"
		 "      - download-cache\n"
		 "      - configure-network\n"
		 "      - validate-network\n"
		 "      - install-os\n"
		 "      - configure-os\n"
		 "      - ssh-known-hosts\n"
		 "      - run-os\n"
		 "      - reboot-os\n"
		 "      - install-certs\n"
		 "      - libvirt\n"
		 "      - ovn\n"
		 "      - neutron-ovn\n"
		 "      - nova-custom-gpu\n"
		 "      - neutron-metadata\n"
		 "      - telemetry\n");
}

static int add_values(struct text *text, const struct exports *exports, const struct nova *nova)
{
	add_document(text, "Merge this into edpm/nodeset/values.yaml.");
	text_add(text, "apiVersion: v1\n"
		       "kind: ConfigMap\n"
		       "metadata:\n"
		       "  name: edpm-nodeset-values\n"
		       "  annotations:\n"
		       "    config.kubernetes.io/local-config: \"true\"\n"
		       "data:\n");
	add_nodeset(text, exports);
	text_add(text, "  nova:\n"
		       "    compute:\n"
		       "      conf: |\n"
		       "        # CHANGEME: what the host keeps for itself\n"
		       "        [DEFAULT]\n"
		       "        # reserved_host_memory_mb = CHANGEME\n"
		       "        # reserved_huge_pages = node:0,size:CHANGEME,count:CHANGEME\n"
		       "        [compute]\n"
		       "        # cpu_shared_set = CHANGEME\n"
		       "        # cpu_dedicated_set = CHANGEME\n"
		       "    pci:\n"
		       "      conf: |\n");
	return nova_add_compute(text, nova, "        ");
}

/* Each file of the configuration; !unsafe keeps Ansible from looking for {{ }} in it. */
static int add_copies(struct text *text, const struct exports *exports)
{
	for (size_t i = 0; i < exports->file_count; i++) {
		const struct export_file *file = &exports->files[i];

		text_add(text,
			 "        - name: Write the configuration, part %zu\n"
			 "          ansible.builtin.copy:\n"
			 "            dest: ",
			 i + 1);
		int r = quote_yaml(text, file->path);
		text_add(text, "\n            mode: \"0644\"\n            content: !unsafe ");
		if (r == 0)
			r = quote_yaml(text, file->text);
		text_add(text, "\n");
		if (r < 0)
			return r;
	}
	return 0;
}

static int add_service(struct text *text, const struct exports *exports)
{
	add_document(text,
		     "Put this into edpm/nodeset/nova_gpu.yaml in place of vfio-pci-bind. It "
		     "writes the configuration, and 'vfio-claim apply' has every initramfs and "
		     "the boot loader follow; reboot-os then reboots.");
	text_add(text, "apiVersion: dataplane.openstack.org/v1beta1\n"
		       "kind: OpenStackDataPlaneService\n"
		       "metadata:\n"
		       "  name: vfio-claim\n"
		       "  namespace: openstack\n"
		       "spec:\n"
		       "  playbookContents: |\n"
		       "    - name: Give PCI devices to VFIO at every boot\n"
		       "      hosts: all\n"
		       "      become: true\n"
		       "      tasks:\n"
		       "        - name: Install vfio-claim\n"
		       "          ansible.builtin.package:\n"
		       "            name: vfio-claim\n"
		       "            state: present\n");
	int r = add_copies(text, exports);
	text_add(text, "        - name: Check the configuration\n"
		       "          ansible.builtin.command: vfio-claim check\n"
		       "          changed_when: false\n"
		       "        - name: Carry it to the initramfs and the boot loader\n"
		       "          ansible.builtin.command: vfio-claim apply\n");
	return r;
}

/* control-plane/service-values.yaml. */
static int add_control_plane(struct text *text, const struct nova *nova)
{
	static const char *const templates[] = { "apiServiceTemplate",
						 "schedulerServiceTemplate" };
	int r = 0;

	add_document(text, "Merge this into control-plane/service-values.yaml.");
	nova_add_order(text, nova, "# ");
	text_add(text, "apiVersion: v1\n"
		       "kind: ConfigMap\n"
		       "metadata:\n"
		       "  name: service-values\n"
		       "  annotations:\n"
		       "    config.kubernetes.io/local-config: \"true\"\n"
		       "data:\n"
		       "  nova:\n");
	for (size_t i = 0; r == 0 && i < sizeof(templates) / sizeof(templates[0]); i++) {
		text_add(text, "    %s:\n      customServiceConfig: |\n", templates[i]);
		r = nova_add_controller(text, nova, "        ");
	}
	for (size_t i = 0; nova->in_placement && i < 2; i++)
		text_add(text,
			 "    cell%zu:\n"
			 "      conductorServiceTemplate:\n"
			 "        customServiceConfig: |\n"
			 "          [filter_scheduler]\n"
			 "          pci_in_placement = True\n",
			 i);
	return r;
}

int export_edpm(const struct exports *exports, struct text *ret_text, struct text *ret_reason)
{
	struct nova nova;
	int r = nova_make(exports, EDPM_RELEASE, &nova, ret_reason);

	if (r < 0)
		return r;
	nova_add_head(ret_text, exports, &nova, "# ", "EDPM values, layout nova04delta");
	nova_add_notes(ret_text, &nova, "# ");
	text_add_comment(ret_text, "# ", "A flavor asks for devices by alias:");
	nova_add_flavors(ret_text, &nova, "#   ");
	r = add_values(ret_text, exports, &nova);
	if (r == 0)
		r = add_service(ret_text, exports);
	if (r == 0)
		r = add_control_plane(ret_text, &nova);
	nova_free(&nova);
	if (r == -EINVAL) {
		text_add(ret_reason,
			 "a file of the configuration is not UTF-8, which YAML needs");
		return -EPERM;
	}
	return r;
}
