"""Why a match was or was not made: numbers, words, a JSON document and a picture of them."""
