import subprocess
import sys
from pathlib import Path

import curation

HEAVY = ("torch", "vllm", "transformers", "datasets", "ray", "datatrove", "pyarrow", "numpy")


def fresh(code):
    """What a fresh interpreter, in another folder, prints."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_package_imports_nothing_heavy():
    code = f"import curation, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert fresh(code) == []


def test_loading_a_recipe_and_planning_imports_no_models(tmp_path):
    models = ("torch", "vllm", "transformers", "datasets", "ray")
    code = (
        "import sys; from curation import load_recipe, plan;"
        f"plan(load_recipe('finemath', config='finemath-smoke'), {str(tmp_path / 'out')!r});"
        f"print(*[name for name in {models!r} if name in sys.modules])"
    )
    assert fresh(code) == []


def test_the_command_line_imports_nothing_heavy():
    code = f"import curation.cli, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    assert fresh(code) == []


def test_all_is_sorted_and_complete():
    assert curation.__all__ == sorted(set(curation.__all__))
    assert set(curation.__all__) == set(curation._MODULES)
    assert dir(curation) == curation.__all__


def test_every_name_loads_from_the_module_that_defines_it():
    for name in curation.__all__:
        value = getattr(curation, name)
        assert value.__name__ == name, f"{name} is {value!r}"
        assert value.__module__ == f"curation.{curation._MODULES[name]}"
        assert value.__doc__, f"{name} says nothing about itself"


def test_the_names_for_the_type_checker_are_those_that_load():
    text = Path(curation.__file__).read_text()
    declared = [line.split(" as ")[1] for line in text.splitlines() if line.startswith("    from curation.")]
    assert [name for name in declared if " " not in name and name in curation.__all__] == declared
    assert sorted(declared) == curation.__all__


def test_an_unknown_name_is_an_attribute_error():
    assert fresh(
        "import curation\ntry: curation.nothing\nexcept AttributeError as error: print('nothing' in str(error))"
    ) == ["True"]


def test_functions_win_over_modules_of_their_name_even_after_importing_everything():
    code = (
        "import importlib, pkgutil, curation\n"
        "for module in pkgutil.walk_packages(curation.__path__, 'curation.'):\n"
        "    if not module.name.endswith('__main__'): importlib.import_module(module.name)\n"
        "from curation import annotate, plan, run, score, select, train\n"
        "print(*[callable(one) for one in (annotate, plan, run, score, select, train)])\n"
        "print(*[callable(getattr(curation, name)) for name in curation.__all__])"
    )
    assert set(fresh(code)) == {"True"}
