"""Every shipped rule on text of our own: what it has to find, and what it has to leave alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ysnakes_core.synthesis.curation import check, curated, shipped_rules

STORY = "The ferry left at dawn.\n\nMara waved until the harbour was small.\n\n"
END = "\n\nBy evening the nets were dry, and nobody spoke of the storm again."

# One text a line of the list; each is a whole answer, or stands where STORY and END put it.
FOUND: dict[str, list[str]] = {
    "refusal": [
        "I can't write a story that involves a bank robbery.",
        "I cannot create content about that.",
        "I’m sorry, but I can’t help with that.",
        "I'm sorry, I cannot assist with your request.",
        "I am unable to generate a scene in which a child is hurt.",
        "I won't be writing this. I cannot fulfill your request for a revenge tale.",
        "I couldn't create a script for this topic. Can I help you with something else?",
        "Unfortunately, I can't provide a poem on this subject.",
        "I must respectfully decline to write this.",
        "I'm not comfortable writing a story with graphic violence.",
        "I apologize, but I cannot complete this task.",
        "I will not produce explicit content.",
        "This goes against my content policy.",
        "I can't generate a dialogue that promotes hatred.",
        "I cannot engage in this conversation.",
        "I can not write articles about private persons.",
        "**I can't continue this story.**",
        f"{STORY}I can't write any more of this scene, since it would depict violence.",
        "Sorry, but that is something I won't write about.",
        "I don't think it would be right for me to write this.",
        "This request asks for something I can't write.",
        "I cannot and will not write a scene that shows a beating.",
        "Writing such a scene is not something I can do.",
        "This topic is too sensitive, so I will not write about it.",
        "I prefer not to write about this subject.",
        "I'm unable to discuss that topic.",
    ],
    "as-a-machine": [
        "As an AI language model, I have no favourite season.",
        "As an AI, I don't have a childhood to look back on.",
        "I'm an AI and cannot taste soup.",
        "I am just a language model, so take this with a pinch of salt.",
        "I'm a large language model trained to help.",
        "My knowledge cutoff keeps me from naming the winner.",
        "As of my last update, the bridge was still closed.",
        "I was trained by OpenAI to answer politely.",
        "I don't have personal experiences, but many people enjoy rowing.",
    ],
    "real-event": [
        "I could not find any information about a battle of that name.",
        "The Great Onion War is not a real historical event.",
        "There is no record of such an event in 1312.",
        "I'm not aware of any treaty signed in that town.",
        "This appears to be a fictional battle, so its impact cannot be given.",
        "I couldn't verify any details of this incident.",
    ],
    "note": [
        f"{STORY}Note: the names in this story are made up.",
        f"{STORY}(Note: I kept the sentences short for young readers.)",
        f"{STORY}**Note:** This is a first draft.",
        f"{STORY}Author's note: written in one afternoon.",
        f"{STORY}Please note that this story is fictional and any likeness is chance.",
        f"{STORY}This script provides a simple outline for a ten-minute video.",
        f"{STORY}This article gives a short overview of the town and its mills.",
        f"{STORY}This story is meant to teach patience.",
        f"{STORY}I hope this helps!",
        f"{STORY}I hope this story meets your expectations.",
        f"{STORY}Feel free to adjust the names to suit your class.",
        f"{STORY}You can change it as needed.",
        f"{STORY}The above text follows your instructions closely.",
        f"{STORY}Disclaimer: no gulls were harmed.",
        f"{STORY}I've tried to keep the language simple.",
        f"{STORY}This concludes our tour of the lighthouse.",
        f"Note: this story contains a storm.\n\n{STORY.strip()}",
        f"{STORY}P.S. I kept the language simple, as you asked.",
        f"{STORY}This story has about 400 words.",
        f"{STORY}I hope you enjoyed this story!",
        f"{STORY}Please note that this is a work of fiction.",
        f"{STORY}Feel free to adapt the script to your own channel.",
        f"{STORY}In this version I left out the fight.",
        f"{STORY}This response was kept to three paragraphs.",
        f"{STORY}The above article may contain errors.",
        f"{STORY}(This story is entirely invented, as is its boat.)",
        f"{STORY}The characters in this story are not real.",
    ],
    "offer": [
        f"{STORY}Let me know if you'd like a longer version!",
        f"{STORY}Would you like me to continue the story?",
        f"{STORY}If you have any questions, feel free to ask.",
        f"{STORY}Is there anything else I can do for you?",
        f"{STORY}Please let me know what you think of it.",
        f"{STORY}Do you want me to add another chapter?",
        f"{STORY}I'd be happy to write a second part.",
        f"{STORY}Which of these endings would you like best?",
        f"{STORY}Do you have any specific questions about ferries?",
        f"{STORY}Don't hesitate to reach out if something is unclear.",
        f"{STORY}I can also provide a different version with more dialogue.",
        f"{STORY}How can I help you further?",
        f"{STORY}Want me to turn this into a script?",
        f"{STORY}How does that sound?",
        f"{STORY}Please tell me if you want another ending.",
        f"{STORY}Would you like to hear more?",
        f"{STORY}Is this what you were looking for?",
        f"{STORY}I'm happy to make changes.",
    ],
    "lead-in": [
        f"Here is a story about a ferry:\n\n{STORY.strip()}",
        f"Here's a short tale for you.\n\n{STORY.strip()}",
        f"Sure! Here's a story about the sea:\n\n{STORY.strip()}",
        f"Certainly! Here is your article:\n\n{STORY.strip()}",
        f"Of course! I'd be happy to help.\n\n{STORY.strip()}",
        f"**Here's a blog post on ferries:**\n\n{STORY.strip()}",
        f"Below is a poem about gulls:\n\n{STORY.strip()}",
        "Here are three sentences with the word “oar”: The oar broke. He lost an oar. Oars are long.",
        f"I've written a short story based on your idea.\n\n{STORY.strip()}",
        f"I'd be glad to write that for you!\n\n{STORY.strip()}",
        f"The following is a wiki article about harbours:\n\n{STORY.strip()}",
        f"Certainly! Below is an article about ferries.\n\n{STORY}{END}",
        f"Here you go!\n\n{STORY}{END}",
        f"As requested, here is a tale in simple words.\n\n{STORY}{END}",
        f"Thank you for your request. Here is the text:\n\n{STORY}{END}",
        f"Great question! Let's look at how a ferry works.\n\n{STORY}{END}",
    ],
    "word-count": [
        f"{STORY}Word count: 312",
        f"{STORY}(Word count: 312)",
        f"{STORY}(312 words)",
        f"{STORY}**Word Count:** approximately 300",
        f"{STORY}(approximately 1,200 words)",
    ],
    "reference": [
        f"{STORY}**References**\n\n1. Ollin, T. (2011). Ferries of the north.\n2. The harbour board.",
        f"{STORY}## Sources\n\n* https://example.org/ferries\n* The Harbour Book, 1998",
        f"{STORY}**Further Reading:**\n\n- Boats for Beginners\n- The Tide Tables",
        f"{STORY}See also\n\n* Harbour\n* Lighthouse",
        f"{STORY}Bibliography:\n\nMoss, A. Nets and knots. 1975.",
    ],
    "source-line": [
        f"{STORY}Source: Wikipedia",
        f"{STORY}Sources: The Harbour Gazette, 12 March 2014",
        f"{STORY}*Image credit: NASA*",
        f"{STORY}Retrieved from the archive of the harbour board.",
    ],
    "citation": [
        "Ferries ran daily from 1901.[3] They stopped in 1960 [4, 7].",
        "The tide is higher in spring (Moss & Ollin, 2011).",
        "The tide is higher in spring (Moss et al., 2011, p. 4).",
        "The harbour is deep[citation needed] and old.",
        "It froze twice (Ollin, 1998, pp. 12-14).",
    ],
    "url": [
        f"{STORY}Read more at https://example.org/ferries?x=1 today.",
        f"{STORY}Timetables are on www.example.org.",
        f"{STORY}* http://example.com",
    ],
    "web-address": [
        "Tickets are sold on ferry-tickets.com and at the pier.",
        "Write to harbour@example.org for a berth.",
        "* Boats (boats.io)",
    ],
    "markdown-link": [
        "The [harbour](https://example.org/harbour) is deep and old.",
        "![A ferry](ferry.png) It leaves at noon.",
        "The ferry leaves from [pier four](/wiki/Pier_four).",
    ],
    "template": [
        "Hello, my name is [Your Name] and I row.",
        "Welcome to [Channel Name], friends of the sea!",
        "Dear {customer_name}, the ferry is late.",
        "The ferry to {{ city }} is late.",
        "Welcome to <name>, the island of gulls.",
        "Dear [Insert Date], we met on a Tuesday.",
        "Please call YOUR NAME HERE at once.",
        "Lorem ipsum dolor sit amet.",
        "He is [age] years old and rows daily.",
    ],
    "control-token": [
        "<|im_start|>assistant\nThe ferry left at dawn.",
        "The ferry left. [INST] Write another one. [/INST] It came back.",
        "<s>The ferry left at dawn.",
        "The ferry left at dawn. <end> And it came back.",
        "### Response:\nThe ferry left at dawn.",
        "<start_of_turn>model\nThe ferry left at dawn.",
    ],
    "end-token": [
        "The ferry left at dawn.<|eot_id|>",
        "The ferry left at dawn.</s> The ferry left at dusk.",
        "The ferry left at dawn.<|im_end|>\n<|im_end|>",
    ],
    "next-turn": [
        f"{STORY}User: Write another one.\nAssistant: The ferry came back.",
        f"{STORY}**Human:** And then?",
    ],
    "thinking": [
        "<think>The user wants a ferry. I give them one.</think>\n\nThe ferry left at dawn.",
        "They want a ferry.\n</think>\nThe ferry left at dawn.",
        "The ferry left at dawn. <think>Was that enough",
    ],
    "wrapped": [
        '"The ferry left at dawn and came back at dusk."',
        "```\nThe ferry left at dawn.\n```",
        "```markdown\n# Ferries\n\nThe ferry left at dawn.\n```",
        "“The ferry left at dawn.”",
    ],
    "truncated": [
        "The ferry left at dawn. Mara waved until the harbour was small and the",
        "The ferry left at dawn. Nobody had told the captain about the rocks near the northern pier",
        "The ferry left at dawn, and then,",
        "Three things matter to a ferryman:",
        "* Oars are made of ash or of",
        "* Oars: They are long. Do not forget to",
        "* Oars\n* Ropes: They are strong. Always take two of the longer",
        "* Oars are long.\n* Ropes are strong.\n* A lamp should always hang",
    ],
    "loop": [
        "The ferry left at dawn. " * 6,
        STORY + "And then he rowed and rowed. And then he rowed and rowed. " * 4,
        "He rowed on and " + "on and " * 40 + "on.",
        STORY + "ha " * 40 + "stop.",
        "The tide came in and the tide went out, so " * 12 + "it was.",
    ],
    "wrong-language": [
        "Die Fähre fuhr bei Tagesanbruch ab, und wir sahen ihr nach, bis sie nicht mehr zu sehen war, "
        "denn der Hafen ist klein und die Stadt liegt auf einem Hügel über dem Meer.",
        "Le ferry est parti à l'aube, et nous avons regardé la mer pendant que les mouettes criaient dans le "
        "vent, comme elles le font tous les matins sur cette côte.",
        "The ferry left at dawn. Паром ушёл на рассвете, и все махали.",
        "The ferry left at dawn. 渡船在黎明时分离开了港口。",
        f"{STORY}El barco salió al amanecer y todos los pescadores de la aldea se quedaron en el puerto para "
        "ver cómo se perdía en el horizonte, porque era el último.",
    ],
    "too-short": ["", "Yes.", "The ferry"],
    "mojibake": ["It was Maraâ€™s boat.", "A cafÃ© by the pier.", "The pier\ufffds lamps."],
}

INNOCENT = {
    "refusal": [
        '"I cannot believe it," said Maya.',
        "I can't help but smile when the ferry comes in.",
        "I couldn't help feeling that somebody was on the pier.",
        "Penguins cannot fly, and they do not seem to mind.",
        '"I can\'t write a story like that," the novelist told her editor.',
        "I could not write the letter that evening; the ink had frozen.",
        "“I’m sorry, but I can’t help you with that,” the clerk said.",
        "I'm sorry I was late, and I told her so.",
        "Because she was unable to swim, she stayed on deck.",
        "The council would not continue in this way, and said so.",
        "I won't tell anyone about the cave, he thought.",
        "Unfortunately, I couldn't find my keys, so I climbed in.",
        "The king refused to write the decree.",
        "Follow the park guidelines on our signs.",
        "We declined the soup, which was cold.",
        "I could not finish my dinner for laughing.",
        "Unfortunately, I cannot complete the race this year, the runner wrote.",
        "It was not right for me to tell her brother first.",
        "Your request for leave was refused, the letter said.",
        "I can't do that to her, I thought.",
    ],
    "as-a-machine": [
        "The ship's AI spoke softly to the crew.",
        "Artificial intelligence is the study of machines that learn.",
        '"As an AI, I cannot lie," said the ship.',
        "I am a model student, my aunt likes to say.",
        "My training began at six every morning on the river.",
        "Her assistant, a boy of ten, carried the lamp.",
        "The last update on the storm came by radio.",
    ],
    "real-event": [
        "My aunt is a real estate agent in a town by the sea.",
        "It was not a real sword, only a painted stick.",
        "Atlantis was not a real place, and yet people dive for it.",
        "The outlaw of the song was probably not a real person.",
        "The treasure was real, but it was not gold.",
        "Historians find no evidence of a second ship.",
        "Real friends share their bread.",
        "Brazil's currency is the real.",
        "I could not find any shoes that fit.",
        "This is a fictional village, and yet everyone knows it.",
    ],
    "note": [
        "She sang a high note, and the glass broke.",
        "A note on the table said: gone to the mill.",
        "Note to self, she thought, never trust a gull.",
        "Musicians note how each note leans on the next.",
        "He took notes all day.",
        "This story was told to me by my grandmother, who had it from a sailor.",
        "Keep in mind that bread needs time to rise.",
        "I hope this storm passes soon, she thought.",
        '"I hope this helps," said the nurse, and tied the bandage.',
        "Please note the time of the last ferry.",
        "In this article, we look at how ferries are built.",
        "You can add a pinch of salt.",
        "A drum is hit with sticks. You can use it to make music.",
        "The information was false, and the captain knew it.",
        "Feel free to add nuts or raisins to the dough.",
        "A guide to the stars provides comfort on dark nights.",
        "I wrote a long story about the sea, and then I slept.",
        "This answer was kept from the king for a year.",
        "I kept everything simple: bread, cheese and one pear.",
        "This story has been told in my family for a hundred years.",
        "You can adjust the salt to your taste.",
    ],
    "offer": [
        '"Would you like me to carry that?" asked the boy.',
        '"Let me know if you hear anything," said the captain.',
        "Which way would the wind turn? Nobody knew.",
        "What do you think about gulls? Tell us in the comments below!",
        "She asked if there was anything else, and there was not.",
        "Ask at the pier if you have any questions about the timetable.",
        "He would be happy to help her, he said, on any day but Sunday.",
        "Host: Let me know in the comments which boat you like best!",
        "Do the gulls have any enemies? Few.",
        "My mother let me know what she thought of it.",
        "What do you think the crow did with the key?",
        "What would you like to see first? There are three halls.",
        "Tell me if you see the bus.",
        "Shall we go in? It is getting cold.",
    ],
    "lead-in": [
        "Here is where the river ends. Nobody goes further.",
        "Here, in the north, the winters are long.",
        "Sure enough, the ferry was late again.",
        "Certainly the captain was no fool.",
        "Starting a garden is easy. Here's a step-by-step guide to help you begin:\n\n1. Dig.\n2. Wait.",
        "Below the pier, something moved.",
        "Here lies the last of the ferrymen.",
        "Welcome to the harbour: a place of ropes.",
        "I have written in this diary every day since spring.",
        "Good question! A lamp is a thing that gives light.",
        "The following is known: the ship left at six.",
        "Here it is: the smallest house in the town.",
    ],
    "word-count": [
        "He spoke 300 words a minute.",
        "Make every word count, the teacher said.",
        "The poem has twelve words (and one comma).",
    ],
    "reference": [
        "**Sources**\n\nThe river has two main sources, one in each mountain.",
        "The book makes references to the sea.",
        "She had links with many towns.",
        "**Further upstream**\n\n* The mill\n* The bridge",
    ],
    "source-line": [
        "The source of the river is a spring.",
        "Source of all joy, the baker sang to his oven.",
        "Credit goes to the cook.",
    ],
    "citation": [
        "[0:30 - 2:00]",
        "[Music plays] The host walks in.",
        "He was born there (Vienna, 1856) and never left.",
        "The festival (2010) was wet.",
        "[1] is how lists of notes begin in some books",
    ],
    "url": ["The web of the spider shone.", "Go to http and ask."],
    "web-address": [
        "The dot com years were wild.",
        "He left.Come back, she called.",
        "It costs 3.50 in all.",
        "The U.S. Navy and the St. John ferry met.",
    ],
    "markdown-link": ["The list [of boats] (see below) is long.", "f(x) = [x](", "He said [sic] nothing."],
    "template": [
        "[Visuals of ancient boats appear on screen]",
        "[Outro music plays]",
        "[Opening title]",
        "What's your name? Enter, and tell us.",
        "The set {1, 2, 3} has three members.",
        "If a < b and b > c, then wait.",
        "Insert the key and turn it.",
        "[The host shows a name tag to the audience]",
    ],
    "control-token": [
        "The sign read: a < b | c > d.",
        "She wrote # on the wall.",
        "### The Harbour",
        "### Instructions\n\n1. Mix.",
        "## Input:",
    ],
    "end-token": ["The end of text came too soon.", "He wrote </p> at the end."],
    "next-turn": ["The user presses a button: it beeps.", "Human beings row. Assistants: two."],
    "thinking": ["I think so, he said.", "She was thinking of the sea."],
    "wrapped": ['"Row," he said. "Row!"', "“Row!” he cried, and “Faster!”", "Use ``` for code."],
    "truncated": [
        "The ferry left at dawn.",
        '"Row!" he cried',
        "He waited for the ferry…",
        "* Oars\n* Ropes\n* A lamp",
        "Take these:\n\n* Oars.\n\nAnd these:\n\n* two ropes of some length for the pier\n* a lamp",
        "1. **Row**: pull the oars.\n2. **Rest**: wait.\n\n**Ships**\n\n* The Gull: a boat with two masts",
        "And that was that.\n\nThe End",
        "With love,\nyour aunt Mara",
        "(The screen goes dark)",
        "1. Dig a hole\n2. Plant the seed",
        "He rowed on. 🚣",
        "**Remember: every oar counts**",
    ],
    "loop": [
        "Row, row, row your boat, he sang. The others sang with him until the shore was near.",
        "[Music]\n\nHost: One.\n\n[Music]\n\nHost: Two.\n\n[Music]\n\nHost: Three.\n\n[Music]\n\nHost: Four.",
        "Mr. Lee met Mrs. Lee. Mr. Lee smiled. Mrs. Lee did not. Mr. Lee went home. Mrs. Lee stayed.",
        "* 1 cup of sugar\n* 1 cup of flour\n* 1 cup of sugar\n* 1 cup of milk\n* 1 cup of sugar",
        "“No,” she said. “No,” he said. “No,” they said. “No,” we said. Nobody agreed on anything that day.",
    ],
    "wrong-language": [
        "Café, naïve, façade, jalapeño: words that travelled.",
        "The letter β stands for a beta particle, and π for a ratio.",
        "She lived in La Paz, near the Plaza de la Constitución, and loved El Greco and Le Monde.",
        "Tokyo (東京) is a city of trains.",
        "San Francisco, Los Angeles, Las Vegas, San Diego, El Paso, Santa Fe, Los Alamos, Del Mar, La Jolla.",
    ],
    "too-short": ["Glad, joyful, merry.", "The ferry left."],
    "mojibake": ["Ça va, naïve café.", "“Row!” – he cried."],
}

LABELS = Path(__file__).resolve().parents[1] / "curation_labels.tsv"

CASES = [(rule, text) for rule, texts in FOUND.items() for text in texts]
INNOCENTS = [(rule, text) for rule, texts in INNOCENT.items() for text in texts]


def _rules_found(text: str) -> set[str]:
    return {flag.rule for flag in check("Write something about a ferry.", text)}


@pytest.mark.parametrize(("rule", "text"), CASES, ids=lambda value: value[:40].strip().replace("\n", " "))
def test_a_rule_finds_what_it_looks_for(rule: str, text: str) -> None:
    assert rule in _rules_found(text)


@pytest.mark.parametrize(("rule", "text"), INNOCENTS, ids=lambda value: value[:40].strip().replace("\n", " "))
def test_a_rule_leaves_the_innocent_alone(rule: str, text: str) -> None:
    assert rule not in _rules_found(text)


@pytest.mark.parametrize(("rule", "text"), INNOCENTS, ids=lambda value: value[:40].strip().replace("\n", " "))
def test_what_is_innocent_stays_so_inside_a_story(rule: str, text: str) -> None:
    if rule not in ("too-short", "truncated", "wrapped"):
        assert rule not in _rules_found(f"{STORY}{text}{END}")


def test_every_rule_has_examples_of_both_kinds() -> None:
    asked_for = {"echo", "request-repeated", "request-voice", "too-long"}  # they need more than an answer
    ids = {rule.id for rule in shipped_rules()}
    assert set(FOUND) == ids - asked_for
    assert set(INNOCENT) == set(FOUND)


def test_the_labelled_sample_names_lines_and_rules_and_holds_no_text() -> None:
    head, *rows = LABELS.read_text(encoding="utf-8").splitlines()
    assert head.split("\t") == ["file", "line", "sha256", "labels", "sample"]
    assert sum(row.endswith("\tfitted") for row in rows) >= 300
    assert sum(row.endswith("\theld-out") for row in rows) >= 150
    places = set()
    for row in rows:
        name, line, digest, labels, sample = row.split("\t")
        assert re.fullmatch(r"[\w-]+\.md", name)
        assert re.fullmatch(r"[0-9a-f]{16}", digest)
        assert sample in ("fitted", "held-out")
        assert set(filter(None, labels.split(","))) <= set(shipped_rules().by_id)
        places.add((name, int(line)))
    assert len(places) == len(rows)


def test_the_sentences_in_other_words_name_rules_places_and_sets() -> None:
    head, *rows = LABELS.with_name("curation_phrasings.tsv").read_text(encoding="utf-8").splitlines()
    assert head.split("\t") == ["rule", "place", "text", "sample"]
    for row in rows:
        rule, place, text, sample = row.split("\t")
        assert rule in {"", *shipped_rules().by_id}
        assert place in ({"whole", "start", "end"} if rule else {"middle"})
        assert text == text.strip() != ""
        assert sample in ("first", "second", "third")
    assert len({row.split("\t")[2] for row in rows}) == len(rows)


def test_a_plain_story_has_no_flags_at_all() -> None:
    assert check("Write about a ferry.", STORY + END.strip()) == []
    assert check(None, STORY + END.strip()) == []


# Rules that need more than an answer.


def test_an_answer_that_is_its_request_is_an_echo() -> None:
    request = "Write a story about a ferry."
    assert "echo" in {flag.rule for flag in check(request, "“Write a story about a ferry!”")}
    assert "echo" not in {flag.rule for flag in check(request, "Write a story about a ferryman.")}
    assert check("", "A ferry left at dawn.") == []


def test_a_request_above_its_answer_is_taken_out() -> None:
    request = "Write a story about a ferry."
    result = curated(request, f"**{request}**\n\nThe ferry left at dawn.")
    assert result.answer == "The ferry left at dawn."
    assert [flag.rule for flag in result.flags] == ["request-repeated"]
    kept = "Write a story, she said. About a ferry.\n\nSo he did."
    assert curated(request, kept).answer == kept


@pytest.mark.parametrize(
    "request_text",
    [
        "Write a tale of the sea. However, since you have a preference for short ones, keep it short.",
        "I'd be happy to help! Write a story about a ferry.",
        "As an AI language model, I suggest this: a ferry is lost.",
        "Write about a lamp. However, I can suggest a ferry instead.",
        "I can't create a request for that.",
        "Here's a prompt for your story: a ferry is lost.",
    ],
)
def test_a_request_that_answers_back_rejects_the_record(request_text: str) -> None:
    flags = check(request_text, "The ferry left at dawn.")
    assert [(flag.rule, flag.start, flag.end, flag.action) for flag in flags] == [
        ("request-voice", 0, 0, "reject")
    ]
    assert curated(request_text, "The ferry left at dawn.").answer is None


@pytest.mark.parametrize(
    "request_text",
    [
        "Write a story about a girl who would be happy to row a ferry.",
        "Write about an AI that steers a ferry.",
        "What can I say to a ferryman?",
        "How can I help my dog to swim?",
        "Which games can I offer my guests, and what food I can provide?",
        "Write a story as an AI would tell it.",
        "Write a story that begins: here is the ferry.",
    ],
)
def test_requests_that_only_ask_are_let_through(request_text: str) -> None:
    assert check(request_text, "The ferry left at dawn.") == []


@pytest.mark.parametrize(
    ("request_text", "answer"),
    [
        ("Thank you!", "You are welcome! If you like, I can tell you another story. Just ask me."),
        ("What can you do?", "I can write a story about a fox. You can ask me about the sea, too."),
        ("I liked that story.", "I am glad. Would you like to hear another story?"),
    ],
)
def test_who_talks_to_the_teacher_may_be_offered_something(request_text: str, answer: str) -> None:
    assert check(request_text, answer) == []
    assert "offer" in {flag.rule for flag in check("Write about a fox.", f"A fox ran by.\n\n{answer}")}


def test_length_is_what_was_asked_for() -> None:
    text = "The ferry left at dawn and came back."
    assert [flag.rule for flag in check("x", text, length=(20, 0))] == ["too-short"]
    assert [flag.rule for flag in check("x", text, length=(0, 5))] == ["too-long"]
    assert check("x", text, length=(8, 8)) == []
    (flag,) = check("x", text, length=(20, 0))
    assert "8 words" in flag.why
    assert "20" in flag.why
