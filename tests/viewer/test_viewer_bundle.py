"""Modules of the browser's code become one script in which each sees only what it imports."""

from __future__ import annotations

import re

import pytest

from poselift.viewer import bundle as module
from poselift.viewer.bundle import bundle


@pytest.fixture
def sources(monkeypatch):
    """Texts of modules instead of files."""
    texts: dict[str, str] = {}
    monkeypatch.setattr(module, "resource", texts.__getitem__)
    return texts


def test_what_is_imported_comes_first_and_once(sources):
    sources["base.js"] = "export const one = 1;\nconst hidden = 2;\n"
    sources["part.js"] = 'import { one } from "./base.js";\nexport function two() {}\n'
    sources["page.js"] = (
        'import {\n  one,\n} from "./base.js";\nimport { two } from "./part.js";\ntwo(one);\n'
    )
    script = bundle("page")
    assert re.findall(r"const \$(\w+) = ", script) == ["base", "part", "page"]
    assert "return { one };" in script
    assert "return { two };" in script
    assert not re.search(r"^\s*(import|export)\b", script, re.M)


def test_a_circle_is_refused(sources):
    sources["a.js"] = 'import { b } from "./b.js";\nexport const a = 1;\n'
    sources["b.js"] = 'import { a } from "./a.js";\nexport const b = 1;\n'
    with pytest.raises(ValueError, match="a -> b -> a: modules import each other"):
        bundle("a")


def test_the_page_leaves_no_import_behind():
    script = bundle("page")
    assert not re.search(r"^\s*(import|export)\b", script, re.M)
    imported = re.findall(r"const \{([^}]*)\} = \$(\w+);", script)
    assert imported
    for names, other in imported:
        exported = re.search(rf"const \${other} = .*?^return \{{ (.*?) \}};$", script, re.S | re.M)
        assert exported
        wanted = {name.strip() for name in names.split(",") if name.strip()}
        assert wanted <= set(exported[1].split(", "))
