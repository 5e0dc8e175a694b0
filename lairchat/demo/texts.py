"""What the people of the demonstration talk about: openings, answers, and the words that fill them."""

from dataclasses import dataclass
from random import Random

PEOPLE = {
    "ines_moreau": "Ines Moreau",
    "tom_becker": "Tom Becker",
    "priya": "Priya Raman",
    "jonas": "Jonas Lindqvist",
    "amara": "Amara Okafor",
    "luca_b": "Luca Bianchi",
    "sofia_k": "Sofia Kowalska",
    "hiro": "Hiro Tanaka",
    "maeve": "Maeve Byrne",
    "omar": "Omar Haddad",
    "greta": "Greta Solberg",
    "diego": "Diego Fuentes",
    "nadia": "Nadia Petrova",
    "ben_w": "Ben Whitfield",
    "lena": "Lena Vogel",
    "kofi": "Kofi Mensah",
    "yara": "Yara Costa",
    "pavel": "Pavel Novak",
    "ruth": "Ruth Adeyemi",
    "sam": "Sam Carter",
}


@dataclass(frozen=True)
class RoomPlan:
    """A room to make: who is in it (how many of the people), what it is for, and its share of the talk."""

    name: str
    topic: str
    privacy: str
    people: int
    weight: int
    subject: str


ROOMS = [
    RoomPlan("general", "Whatever concerns all of us", "public", 20, 16, "office"),
    RoomPlan("engineering", "Code, reviews, architecture", "public", 12, 18, "code"),
    RoomPlan("releases", "What ships when", "public", 14, 8, "release"),
    RoomPlan("support", "Questions of customers, and who takes them", "public", 11, 13, "support"),
    RoomPlan("design", "Screens, words, icons", "public", 8, 8, "design"),
    RoomPlan("operations", "Servers, alerts, backups", "public", 7, 10, "operations"),
    RoomPlan("lunch", "12:15 at the lift", "public", 17, 8, "lunch"),
    RoomPlan("random", "Everything else", "public", 18, 7, "random"),
    RoomPlan("hiring", "Candidates; keep it here", "private", 5, 4, "hiring"),
    RoomPlan("on-call", "Handover every Monday at ten", "private", 6, 5, "operations"),
]

# Each subject has openings with the answers that fit them: (opening, answers). An answer may open with a name.
TALK: dict[str, list[tuple[str, list[str]]]] = {
    "office": [
        (
            "Reminder: {meeting} moves to {day} at {hour}, same room.",
            [
                "Thanks!",
                "{day} works for me.",
                "I will be ten minutes late, start without me.",
                "Could we make it {hour}? I have a call before.",
                "Moved it in the calendar.",
            ],
        ),
        (
            "I am out {day} afternoon. {at} covers for me.",
            [
                "Noted, enjoy!",
                "Yes, send them my way.",
                "Anything urgent I should know about {project}?",
                "Only the {document}, it is on the drive.",
            ],
        ),
        (
            "Who has the key for the {place}?",
            [
                "Front desk, second drawer.",
                "I do, on my way.",
                "It was with {at} yesterday.",
                "Found it, thank you all.",
            ],
        ),
        (
            "Welcome {at}, who starts with us today! Say hello when you meet in the {place}.",
            [
                "Welcome!",
                "Great to have you here.",
                "Hello and welcome, coffee is on the second floor.",
                "Thank you all, happy to be here!",
            ],
        ),
        (
            "The {document} for {project} is ready for reading. Comments until {day}, please.",
            [
                "Read it, two remarks in the margin.",
                "Very clear, nothing from me.",
                "The part about costs needs one more number: {number} seems too low.",
                "Fixed, have another look?",
                "Much better now.",
            ],
        ),
        (
            "Heating in the {place} is off again, somebody is coming at {hour}.",
            ["Ah, that explains it.", "Brought a blanket.", "They just left, should be warm by {hour}."],
        ),
    ],
    "code": [
        (
            "Could somebody look at #{ticket}? It is small: {change}.",
            [
                "On it.",
                "Looks good, one question about the name of that function.",
                "Approved. Nice that it comes with a test.",
                "Why not do it in `{module}`?",
                "Because then both callers would need it. I wrote that into the description.",
                "Makes sense, merging.",
            ],
        ),
        (
            "The tests of `{module}` fail on main since {hour}. Anybody on it?",
            [
                "Looking.",
                "It is the clock: the test assumes UTC.",
                "Fix is in #{ticket}.",
                "Green again, sorry for the noise.",
                "Could not reproduce it here, which version of Python?",
                "3.11 on both.",
            ],
        ),
        (
            "I measured `{module}`: {number} ms before, a third of that after taking the query out of the loop.",
            [
                "Wow.",
                "Which data did you use?",
                "A copy of last month's, {number} thousand rows.",
                "Please put the figures into the commit message.",
                "Done.",
            ],
        ),
        (
            "Question about #{ticket}: should a retry count against the limit?",
            [
                "No, a repeat is free as long as it says the same.",
                "Agreed, else people are punished for bad Wi-Fi.",
                "Then the nonce has to be checked before the limit.",
                "Right, that is how I built it now.",
            ],
        ),
        (
            "Proposal: we drop `{module}` and call the action directly. Two hundred lines less.",
            [
                "Yes please.",
                "What about the command line, does it use it?",
                "No, it goes the same way as everybody.",
                "+1, I never liked the name anyway.",
            ],
        ),
        (
            "Pairing on {project} at {hour}, join if you like.",
            ["I am in.", "Next time, reviewing #{ticket} until then.", "Where? The small room?", "In the {place}."],
        ),
    ],
    "release": [
        (
            "{version} is out. Highlights: {change}; {change}.",
            [
                "Congratulations!",
                "The notes read very well this time.",
                "Upgraded the test system, all green.",
                "Any migration we should know of?",
                "One, additive, took {number} seconds on the big database.",
            ],
        ),
        (
            "Freeze for {version} is {day} at {hour}. What is not merged by then waits.",
            [
                "#{ticket} will make it.",
                "Mine will not, moving it to the next one.",
                "Can we take #{ticket}? It is only a text.",
                "Yes, texts are fine until {hour}.",
            ],
        ),
        (
            "Rolling out {version} to the first ten per cent now.",
            [
                "Watching the graphs.",
                "Errors flat, latency flat.",
                "Looks boring. I like boring.",
                "Going to one hundred.",
                "Done, {number} minutes in all.",
            ],
        ),
    ],
    "support": [
        (
            "{customer} asks whether they can export {thing} as CSV.",
            [
                "Yes, under settings, but only for admins.",
                "I will write to them.",
                "Third time this month, shall we make it easier to find?",
                "Opened #{ticket} for it.",
            ],
        ),
        (
            "{customer} reports that {thing} are slow since yesterday. Who can look?",
            [
                "Me.",
                "They have {number} thousand of them, that is our largest.",
                "Found it: an index is missing on their old installation.",
                "Told them how to add it, they are happy.",
                "Lovely answer from them, forwarding it to you.",
            ],
        ),
        (
            "Template for password questions is updated, please use the new one.",
            [
                "Thank you, the old one was confusing.",
                "Could we translate it too?",
                "German and Polish are there, French by {day}.",
            ],
        ),
        (
            "Who talked to {customer} last? They are waiting for an answer on {project}.",
            ["That was me, writing now.", "Sent. They will test it on {day}.", "Great, closing the ticket then."],
        ),
    ],
    "design": [
        (
            "New version of the {screen}: fewer lines, more air. What do you think?",
            [
                "Much calmer.",
                "I miss the label, an icon alone says little.",
                "How does it look at 360 pixels?",
                "Good point, the second row wraps. Will fix.",
                "Dark mode looks great.",
            ],
        ),
        (
            'Can we agree on one word: "room" or "channel"?',
            [
                "Room.",
                "Room, channel sounds like television.",
                "Then I change it in the {screen} too.",
                "And in the documentation, please.",
            ],
        ),
        (
            "Contrast of the grey text on the {screen} is {number} : 100 of what we want.",
            [
                "Taking the darker one from the palette.",
                "Thanks for checking.",
                "Could that be a test?",
                "It is one now.",
            ],
        ),
    ],
    "operations": [
        (
            "Alert: disk of {server} at {number} %.",
            [
                "Looking.",
                "Old backups, removed the ones before last month.",
                "Back to normal.",
                "We should alert earlier, at seventy.",
                "Changed.",
            ],
        ),
        (
            "Taking {server} down at {hour} for ten minutes, kernel update.",
            [
                "Fine.",
                "Wait, {customer} has a demo at {hour}!",
                "Moving it by an hour then.",
                "Done, everything is up, uptime zero days.",
            ],
        ),
        (
            "Restore test of this week: {number} minutes, all rows there, epoch changed as it should.",
            ["Excellent.", "That is faster than last time.", "New disks.", "Put it into the log, please."],
        ),
        (
            "p99 of sends went up around {hour}. Deploy or something else?",
            [
                "No deploy at that time.",
                "A backup ran on the same disk.",
                "Moved the backup to three in the morning.",
                "Graph looks flat again.",
            ],
        ),
    ],
    "lunch": [
        (
            "{food} today?",
            ["Yes!", "In.", "I had that yesterday, but fine.", "Only if we sit outside.", "12:15 at the lift then."],
        ),
        (
            "The {restaurant} has {food} on the menu, {number} people so far.",
            ["Plus one.", "Plus me and {at}.", "Save me a seat, the call runs late.", "We are at the window."],
        ),
        (
            "Somebody left {food} in the kitchen, free for all.",
            ["On my way.", "Gone.", "That took four minutes.", "Best team."],
        ),
    ],
    "random": [
        (
            "Which book did you last give to somebody?",
            [
                "The one about maps.",
                "A cookbook, again.",
                '"{thing}", for the title alone.',
                "Borrow me that one?",
                "Gladly.",
            ],
        ),
        (
            "The cat walked over the keyboard, apologies for whatever I sent to {customer}.",
            ["It was the best answer they ever got.", "Hire the cat.", "Picture or it did not happen."],
        ),
        (
            "Cycling on {day}, forty kilometres along the river. Who comes?",
            [
                "Me, if it does not rain.",
                "Is there cake at the end?",
                "There is always cake at the end.",
                "Then I am in.",
            ],
        ),
        (
            "Today I learned: honey does not spoil.",
            ["Ours never got the chance.", "And bees can count to four.", "One more than me before coffee."],
        ),
    ],
    "hiring": [
        (
            "Notes on the {role} from {day} are on the drive. I would say yes.",
            [
                "Agreed, very clear thinking.",
                "Asked good questions too.",
                "Who calls the references?",
                "I do, until {day}.",
            ],
        ),
        (
            "Three more for the {role}. Can we read them until {day}?",
            [
                "Read the first two, both worth a talk.",
                "The third one has done exactly this before.",
                "Inviting all three then.",
            ],
        ),
    ],
    "direct": [
        (
            "Do you have five minutes for {project}?",
            ["Sure, call me.", "At {hour}?", "Perfect.", "Thanks, that helped a lot."],
        ),
        (
            "Did you see what {customer} wrote?",
            ["Just now. Nice!", "Shall we show it to everybody?", "Yes, in general.", "Done."],
        ),
        (
            "Sent you the {document}, no hurry.",
            ["Got it.", "Will read it on the train.", "Read it. I like it, call you at {hour}."],
        ),
        (
            "Are you still at the office?",
            [
                "Until {hour}.",
                "Could you look whether my charger is in the {place}?",
                "It is. I put it on your desk.",
                "You are the best.",
            ],
        ),
    ],
}

LATER = [
    "Good point.",
    "Let us take this up on {day}.",
    "Thanks, {at}.",
    "Sounds right to me.",
    "I can take that.",
    "Same here.",
    "Not sure yet, will think about it.",
    "Does that also hold for {project}?",
    "As far as I know, yes.",
    "Great, thank you!",
    "Done.",
    "Let me check.",
    "Here is what I found: {number} of them, all since {day}.",
    "That would be #{ticket}.",
]

WORDS: dict[str, list[str]] = {
    "meeting": ["the planning", "the retrospective", "our weekly", "the demo", "the budget round"],
    "day": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"],
    "hour": ["9:30", "10:00", "11:15", "13:30", "14:00", "15:45", "16:30"],
    "project": [
        "the search",
        "the mobile view",
        "the importer",
        "billing",
        "the new onboarding",
        "the archive",
        "the API",
    ],
    "document": ["draft", "contract", "summary", "road map", "checklist", "survey"],
    "place": ["meeting room", "kitchen", "archive", "bike cellar", "small room", "workshop"],
    "change": [
        "read positions survive a restart",
        "one query less per page",
        "the empty list says why it is empty",
        "names may hold apostrophes",
        "dates follow the reader's time zone",
        "the keyboard reaches every button",
        "drafts are kept per room",
    ],
    "module": [
        "rooms.policy",
        "chat.queries",
        "importer",
        "hub",
        "accounts.tokens",
        "report.totals",
        "billing.invoices",
    ],
    "version": ["2.4.0", "2.4.1", "2.5.0", "2.5.1", "2.5.2", "2.6.0"],
    "customer": [
        "the city library",
        "Hafner & Sons",
        "the school in Leith",
        "Northwind",
        "the brass band",
        "Atelier Sud",
        "the water works",
    ],
    "thing": ["invoices", "reports", "member lists", "photos", "time sheets", "reminders"],
    "screen": ["sidebar", "settings page", "sign-in page", "room list", "composer", "empty state"],
    "server": ["oak", "birch", "willow", "db-2", "edge-1"],
    "food": ["Dumplings", "Soup", "Falafel", "Pizza", "Curry", "Pancakes", "Cinnamon rolls"],
    "restaurant": ["canteen", "place at the corner", "noodle bar", "market hall"],
    "role": ["backend position", "design position", "support lead", "apprentice"],
}
EMOJI = ["👍", "❤️", "🎉", "😄", "👀", "🙏", "🚀", "✅", "☕", "😮"]


def filled(text: str, random: Random, names: list[str]) -> str:
    """The text with its gaps filled: words, numbers, and `{at}` by a mention of one of the names."""
    while "{" in text:
        start, end = text.index("{"), text.index("}")
        text = text[:start] + _word(text[start + 1 : end], random, names) + text[end + 1 :]
    return text


def _word(gap: str, random: Random, names: list[str]) -> str:
    match gap:
        case "at":
            return f"@{random.choice(names)}"
        case "ticket":
            return str(random.randint(210, 2980))
        case "number":
            return str(random.randint(3, 97))
    return random.choice(WORDS[gap])
