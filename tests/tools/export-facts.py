# SPDX-License-Identifier: GPL-2.0-or-later
"""What an export says: export-facts.py FORMAT <TEXT prints its kernel arguments, device specs and
aliases, one a line, so that two formats can be compared. It reads YAML and INI with the readers
that the systems use, or their like; what cannot be read is an error. With the format `files` it
prints as JSON the files that an EDPM service would write."""

import json
import re
import sys

import yaml


class Loader(yaml.SafeLoader):
    """With Ansible's tag for a string that is no template."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def documents(text):
    return list(yaml.load_all(text, Loader))


class Facts:
    def __init__(self):
        self.arguments = []
        self.specs = []
        self.aliases = []

    def ini(self, text):
        """Options that repeat, which configparser does not know."""
        for line in text.splitlines():
            name, equals, value = line.partition(" = ")
            if line.startswith("#") or not equals:
                continue
            if name in ("device_spec", "passthrough_whitelist", "pci_passthrough_whitelist"):
                self.specs.append(json.loads(value))
            elif name in ("alias", "pci_alias"):
                self.aliases.append(json.loads(value))

    def nova(self, text):
        self.ini(text)

    def edpm(self, text):
        values, service, control = documents(text)
        nodeset = values["data"]["nodeset"]
        self.arguments = nodeset["ansible"]["ansibleVars"]["edpm_kernel_args"].split()
        assert nodeset["services"][0] == service["metadata"]["name"] == "vfio-claim"
        assert "vfio-pci-bind" not in nodeset["services"]
        assert documents(service["spec"]["playbookContents"])
        self.ini(values["data"]["nova"]["pci"]["conf"])
        assert "CHANGEME" in values["data"]["nova"]["compute"]["conf"]
        for part in ("apiServiceTemplate", "schedulerServiceTemplate"):
            other = Facts()
            other.ini(control["data"]["nova"][part]["customServiceConfig"])
            assert other.aliases == self.aliases

    def genestack(self, text):
        (values,) = documents(text)
        self.arguments = re.search(r"^#   (.*)$", text, re.M).group(1).split()
        nova = values["conf"]["nova"]
        overrides = values["conf"]["overrides"]["nova_compute"]
        (node,) = overrides.get("hosts") or overrides["labels"]
        assert nova["filter_scheduler"]["enabled_filters"].endswith(",PciPassthroughFilter")
        for option in nova["pci"]["alias"], node["conf"]["nova"]["pci"]["device_spec"]:
            assert option["type"] == "multistring"
        self.aliases = [json.loads(v) for v in nova["pci"]["alias"]["values"]]
        self.specs = [json.loads(v) for v in node["conf"]["nova"]["pci"]["device_spec"]["values"]]

    def charms(self, text):
        (overlay,) = documents(text)
        compute = overlay["applications"]["nova-compute"]["options"]
        controller = overlay["applications"]["nova-cloud-controller"]["options"]
        assert compute["pci-alias"] == controller["pci-alias"]
        self.specs = json.loads(compute["pci-passthrough-whitelist"])
        self.aliases = json.loads(compute["pci-alias"])
        # One alone is no list, which older charms do not take.
        assert not isinstance(self.specs, list) or len(self.specs) > 1
        if isinstance(self.specs, dict):
            self.specs = [self.specs]
        if isinstance(self.aliases, dict):
            self.aliases = [self.aliases]

    def bright(self, text):
        self.arguments = re.search(r'\(set kernelparameters "([^"]*)"\)$', text,
                                   re.M).group(1).split()
        lines = [line[4:] for line in text.splitlines() if line.startswith("#   ")]
        self.ini("\n".join(lines[:lines.index("[DEFAULT]", 1)]))

    def show(self):
        for word in self.arguments:
            print("argument", word)
        for spec in self.specs:
            print("spec", json.dumps(spec, sort_keys=True))
        for alias in self.aliases:
            print("alias", json.dumps(alias, sort_keys=True))


def files(text):
    _, service, _ = documents(text)
    (play,) = documents(service["spec"]["playbookContents"])[0]
    copies = [task["ansible.builtin.copy"] for task in play["tasks"]
              if "ansible.builtin.copy" in task]
    print(json.dumps({copy["dest"]: copy["content"] for copy in copies}))


if __name__ == "__main__":
    text = sys.stdin.buffer.read().decode()
    if sys.argv[1] == "files":
        files(text)
    else:
        facts = Facts()
        getattr(facts, sys.argv[1])(text)
        facts.show()
