from datatrove.data import Document

from curation import ExtractText

PAGE = "<!DOCTYPE html>\n<html><body><p>Let \\(x^2\\) be given, and let it stay so for a while.</p></body></html>"


def test_a_page_that_a_reader_of_datatrove_gives_as_text_is_extracted():
    (doc,) = ExtractText().run([Document(text=PAGE, id="a")])
    assert doc.text.startswith("Let $x^2$ be given")


def test_a_text_about_html_stays_as_it_is():
    text = "The first line of a page is <!DOCTYPE html>."
    step = ExtractText()
    (doc,) = step.run([Document(text=text, id="a")])
    assert doc.text == text
    assert step.counts["already_text"] == 1
