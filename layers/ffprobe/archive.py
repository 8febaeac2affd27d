"""Writes the layer's zip: the same bytes for the same files."""

import zipfile

# The earliest time that a zip can hold.
TIME = (1980, 1, 1, 0, 0, 0)
UNIX = 3


def write_zip(path, files):
    """`files`: (name, bytes, executable), in the order in which they are written."""
    staging = path.with_name(path.name + ".part")
    with zipfile.ZipFile(staging, "w") as archive:
        for name, content, executable in files:
            entry = zipfile.ZipInfo(name, TIME)
            entry.create_system = UNIX
            entry.external_attr = (0o100755 if executable else 0o100644) << 16
            archive.writestr(entry, content, zipfile.ZIP_DEFLATED, compresslevel=9)
    staging.replace(path)
