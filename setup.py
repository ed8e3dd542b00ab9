"Reads everything from settings.ini. (nbdev's own template imports pkg_resources, which setuptools no longer has.)"
import re
import shutil
from configparser import ConfigParser
from pathlib import Path

import setuptools
from setuptools.command.build_py import build_py

config = ConfigParser(delimiters=["="])
config.read("settings.ini", encoding="utf-8")
cfg = config["DEFAULT"]
lab = cfg["lab_requirements"].split()


def readme():
    "README.md with links that lead somewhere from the package index as well"
    text, at = Path("README.md").read_text(encoding="utf-8"), cfg["git_url"] + "/{}/" + cfg["branch"] + "/"
    text = re.sub(r"(!\[[^\]]*\]\()(?![a-z]+:|#)", r"\1" + at.format("raw"), text)
    text = re.sub(r'(<img [^>]*src=")(?![a-z]+:|#)', r"\1" + at.format("raw"), text)
    return re.sub(r'(\]\(|href=")(?![a-z]+:|#)', r"\1" + at.format("blob"), text)


class BuildWithNotebooks(build_py):
    "The notebooks travel in the wheel, in course_lib/_notebooks: `course start` copies them from there. A checkout has them"
    def notebooks(self):
        "What is copied: `{place in the wheel: file}`"
        found = [f for folder in ("nbs/lessons", "nbs/exercises", "practice", "clean") for f in sorted(Path(folder).glob("*.ipynb"))]
        # as notebooks_in of course_lib.selftest.files, which cannot be imported before it is installed
        return {Path(self.build_lib, cfg["lib_name"], "_notebooks", f): f for f in found if "-" not in f.stem}

    def run(self):
        super().run()
        if self.editable_mode: return
        shutil.rmtree(Path(self.build_lib, cfg["lib_name"], "_notebooks"), ignore_errors=True)       # of an earlier build
        for place, file in self.notebooks().items():
            self.mkpath(str(place.parent))
            self.copy_file(str(file), str(place))

    def get_outputs(self, *args, **kwargs):
        return super().get_outputs(*args, **kwargs) + ([] if self.editable_mode else list(map(str, self.notebooks())))


setuptools.setup(
    name=cfg["lib_name"], version=cfg["version"], description=cfg["description"], keywords=cfg["keywords"],
    author=cfg["author"], author_email=cfg["author_email"], url=cfg["git_url"], license="Apache-2.0",
    long_description=readme(), long_description_content_type="text/markdown",
    classifiers=["Intended Audience :: Education", "Programming Language :: Python :: 3"],
    packages=setuptools.find_namespace_packages(include=[cfg["lib_name"], cfg["lib_name"] + ".*"], exclude=["*__pycache__*"]),
    cmdclass={"build_py": BuildWithNotebooks},
    include_package_data=True, zip_safe=False, python_requires=">=" + cfg["min_python"],
    install_requires=cfg["requirements"].split(), extras_require={"lab": lab, "dev": [*lab, *cfg["dev_requirements"].split()]},
    entry_points={"console_scripts": cfg["console_scripts"].split(), "nbdev": [f"{cfg['lib_name']}={cfg['lib_name']}._modidx:d"]},
)
