"""A server that answers all documents but the last of a shard: its failure is not the end of every start."""

from curation.annotation.endpoint import EndpointJudge
from curation.retry import Backoff

from .toys import annotator, items


def test_the_last_document_of_a_shard_may_be_one_that_the_server_cannot_do(chat_server, tmp_path):
    chat_server.answer = lambda body, count: (
        (500, b"CUDA assert", {}) if "document 9\n" in body["messages"][0]["content"] else "Final score: 1"
    )
    judge = EndpointJudge([chat_server.url], "tiny", concurrency=1)
    judge.backoff = Backoff(attempts=2, first_seconds=0.01, longest_seconds=0.01)
    try:
        for _ in range(3):
            said = [one for _, one in annotator(judge, folder=tmp_path).annotate(items(10))]
            assert [one.label for one in said] == [1] * 9 + [None]
            assert said[-1].reason.startswith("request_failed: 500")
    finally:
        judge.close()
