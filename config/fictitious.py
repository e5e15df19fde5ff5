"""Phone numbers that nobody has: regulators keep them for films and examples, Twilio for tests, or no numbering plan has them.

Whoever leaves one in the settings of a company sends its callers nowhere.
"""

import re

#: North America: 555-0100 to 555-0199 of each area code, https://www.nationalnanpa.com/number_resource_info/555_numbers.html,
#: but of the toll-free ones 800-555-0199 alone, https://en.wikipedia.org/wiki/555_(telephone_number); and what cannot be, because area
#: codes and exchanges begin with 2 to 9, https://www.nationalnanpa.com/area_codes/index.html
_NORTH_AMERICA = (
    r"1(?!8(?:00|33|44|55|66|77|88))[2-9][0-9]{2}55501[0-9]{2}",
    r"18005550199",
    r"1(?:[01][0-9]{9}|[2-9][0-9]{2}[01][0-9]{6})",
)
#: What stands for each case in requests with test credentials: https://www.twilio.com/docs/iam/test-credentials
_TWILIO = (r"1500555000[0-46-9]",)
#: The United Kingdom: https://www.ofcom.org.uk/phones-and-broadband/phone-numbers/numbers-for-drama
_UNITED_KINGDOM = (
    r"441(?:1[3-8]|[2-6]1)4960[0-9]{3}",  # Leeds, Sheffield, Nottingham, Leicester, Bristol, Reading; Birmingham to Manchester
    r"441914980[0-9]{3}",  # Tyneside, Durham and Sunderland
    r"442079460[0-9]{3}",  # London
    r"442896496[0-9]{3}",  # Northern Ireland
    r"442920180[0-9]{3}",  # Cardiff
    r"441632960[0-9]{3}",  # no area
    r"447700900[0-9]{3}",  # mobile
    r"448081570[0-9]{3}",  # freephone
    r"449098790[0-9]{3}",  # premium rate
    r"443069990[0-9]{3}",  # the whole country
)
#: Germany, Berlin, Frankfurt, Hamburg, Cologne and Munich:
#: https://www.bundesnetzagentur.de/DE/Fachthemen/Telekommunikation/Nummerierung/_DL/mittlg148_2021.pdf
_GERMANY = (r"49(?:3023125|6990009|4066969|2214710|8999998)[0-9]{3}",)

#: One of them in a text, in E.164.
FICTITIOUS_NUMBER = re.compile(rf"\+(?:{'|'.join((*_NORTH_AMERICA, *_TWILIO, *_UNITED_KINGDOM, *_GERMANY))})(?![0-9])")
