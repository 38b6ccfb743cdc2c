"""Pieces of texts that are symbols, that look like them, or that become some beside others."""

from sentiment.data.symbols import EMOTICONS

SYMBOLS = (
    *" ".join(EMOTICONS.values()).split(),
    *"@ama me@x.org http://x.org/a_(b). https:// Www.imdb.com www. &gt;:( &lt;3 so sooo GOOOood III aaaa".split(),
    *": ; = - ^ _ / ( ) [ ' x X D p T 3 . ,".split(),
    *"😍 ❤️ ★ 👍🏽 👩‍💻 🤷🏻‍♀ 🇩🇪 🇫 5️⃣ ®️ \ufe0f \u200d ♀ 🏽".split(),
)
