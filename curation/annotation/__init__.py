"""What a judge is asked about documents and what it said: prompts, replies, judges, samples, agreement.

prompt = load_prompt("finemath_5pt")
judge = open_judge("replay:labels/finemath_5pt.jsonl.gz", generation=prompt.generation)
request = Request("m3675d74b44", None, tuple(prompt.messages("The limit of a sequence is …")))
[(index, reply)] = judge.ask([request])
read_reply(reply.text, prompt)  # 2
"""
