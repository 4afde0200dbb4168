from dataclasses import dataclass
from fastwarc.warc import ArchiveIterator
@dataclass
class R: url:str; html:str
def read_archive(stream, name, skipped=None):
    for r in ArchiveIterator(stream):
        if r.is_http: yield R(r.headers.get('WARC-Target-URI'), r.reader.read().decode('utf8','replace'))
