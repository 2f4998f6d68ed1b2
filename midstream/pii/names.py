"""Lists of our own: first names, family names, nicknames, and words, in several languages."""

import re

FIRST = tuple(
    re.findall(
        r"\S+",
        "Ada Adam Agnes Ahmed Aiko Alan Alba Albert Aleksandra Alessandro Alex Alfred Ali Alice Alina Amir Amy "
        "Ana Anders  Andrea Andrew Andrzej Anita Anja Anna Anne Antoine Antonio Anton Arjun Arne Arthur Astrid "
        "Aya Barbara Beatriz  Ben Benjamin Bernd Birgit Björn Boris Brian Bruno Camille Carla Carlos Carmen "
        "Caroline Catherine Cecilia Charles  Charlotte Chen Chiara Chloé Chris Christian Claire Clara Claudia "
        "Daniel Daria David Deepak Denis Diana Diego  Dimitri Dirk Dmitry Dorota Edith Eduardo Elena Eliza Elke "
        "Emil Emily Emma Enrico Erik Esra Esther Eva Ewa Fatima  Felix Fiona Florian Francesca François Frank "
        "Franz Frederik Gabriel Georg George Giulia Goran Grace Greta Guido  Gustavo Hannah Hans Harriet Hassan "
        "Heidi Helena Henrik Hiroshi Hugo Ian Ibrahim Ignacio Inès Ingrid Irene Isaac  Isabel Ivan Jack Jacob "
        "Jakub James Jana Jane Jean Jens Jessica Jiří João Joanna Johan Jonas Jorge José Joseph  Juan Judith "
        "Julia Julien Karen Karin Karl Katarzyna Keiko Kenji Kevin Kim Klaus Kofi Krishna Lars Laura Lea Leila "
        "Lena Leo Lian Lina Lisa Lorenzo Louis Lucas Lucia Luis Luka Maciej Magdalena Maja Manuel Marc Marco "
        "Maria Marie  Marta Martin Mary Mateo Matthew Max Mehmet Mei Mia Michael Miguel Mika Milan Ming Miriam "
        "Mohammed Monika Nadia  Naomi Natalia Nico Nikola Nina Noah Nora Olaf Olga Olivia Omar Oscar Otto Pablo "
        "Paolo Patricia Paul Pavel Pedro  Peter Petra Philip Pierre Piotr Priya Quentin Rachel Rafael Rahul Raj "
        "Ravi Rebecca René Ricardo Richard Rita  Robert Roman Rosa Ruth Ryan Sabine Sam Samuel Sandra Sara "
        "Satoshi Sebastian Sergei Simon Sofia Sonia Stefan  Steven Sunita Susan Sven Sylvie Tadashi Tanja Tariq "
        "Teresa Thomas Tim Tobias Tomás Ulrike Uwe Valentina Vera  Victor Viktoria Vincent Wei Werner William "
        "Wojciech Xavier Yasmin Yuki Yusuf Yves Zofia Zoe",
    )
)
FAMILY = tuple(
    re.findall(
        r"\S+",
        "Abe Adams Ahmad Almeida Andersen Andersson Baker Bauer Becker Bennett Berg Bernard Bianchi Blanc Böhm "
        "Bonnet  Braun Brooks Brown Bruno Burke Campbell Carvalho Castillo Castro Chan Chen Clark Collins Conti "
        "Cooper Costa  Cruz Czarnecki Dahl Das David Delgado Desai Díaz Dietrich Dubois Dupont Durand Eriksen "
        "Esposito Evans Fabre  Ferrari Fernández Fischer Fontaine Foster Fournier Franke Friedrich Fuchs Fujita "
        "García Gomes González Gray Greco  Green Gruber Gupta Haas Hall Hansen Harris Hartmann Hayashi Hernández "
        "Herrmann Hill Hoffmann Holm Horváth Huang  Hughes Ito Ivanov Iyer Jackson Jansen Janssen Jensen "
        "Johansson Johnson Jones Kaiser Kaminski Kato Keller Khan  Kimura Klein Koch Köhler Kowalski Kozlov Kraus "
        "Krüger Kumar Lambert Lang Larsen Laurent Lefebvre Lehmann Leroy  Lewandowski Lewis Liang Lindberg "
        "Lombardi López Lund Maier Marchetti Marino Martin Martínez Mayer Medina Mehta  Mendes Meyer Mitchell "
        "Moreau Morel Moreno Moretti Morris Müller Murphy Murray Nakamura Navarro Nelson Neumann  Nguyen Nielsen "
        "Nowak Núñez Oliveira Olsen Olsson Ortega Ortiz Park Patel Pavlov Peeters Pereira Pérez Petrov  Pietrzak "
        "Popescu Popov Price Ramos Rao Reddy Reed Reyes Ribeiro Ricci Richter Rivera Roberts Robinson Rodríguez "
        "Romano Rossi Rousseau Roux Ruiz Russo Sánchez Santos Sato Schäfer Schmidt Schneider Schröder Schulz "
        "Schwarz  Sharma Silva Simon Singh Smirnov Smith Sokolov Sørensen Sousa Steiner Stewart Suzuki Svensson "
        "Takahashi Tanaka  Taylor Thomas Thompson Torres Turner Vargas Vasquez Vega Visser Vogel Volkov Wagner "
        "Walker Wang Ward Watanabe  Weber Weiss Werner White Wieczorek Williams Wilson Winkler Wolff Wong Wright "
        "Yamamoto Yang Yilmaz Young Zhang  Zielinski Zimmermann Zhou",
    )
)
NICKS = tuple(
    re.findall(
        r"\S+",
        "nightowl bytefox pixelcat darkmoon stackrat quietriver hexbear gremlin zeropoint redpanda lazydog "
        "mooncat  snowfox riverrat codemonk bitwolf tinkerer oldowl kernelpunk vimfan teapot greyhat wanderer "
        "papercut ninjacat  owlbear sparky rocketman frostbyte blueshift",
    )
)
DOMAINS = tuple(
    re.findall(
        r"\S+",
        "gmail.com gmx.de web.de outlook.com yahoo.com proton.me mail.ru orange.fr libero.it seznam.cz uni-koeln.de "
        "cs.stanford.edu inria.fr acme-tools.com northwind.io bluehill.dev softworks.co.uk datahaus.de",
    )
)
WORDS = tuple(
    re.findall(
        r"\S+",
        "dragon monkey summer winter sunshine shadow football master hunter river cloud orange purple silver "
        "coffee  pepper banana tiger wolf eagle storm thunder castle garden forest mountain ocean rocket planet "
        "guitar piano  wolke sommer katze hund sonne berg fleur soleil maison gato perro verano kotek lato zima",
    )
)
PHRASES = (
    "Visual Studio", "New York", "Monte Carlo", "Pull Request", "Hidden Markov", "Apache License", "Linear Algebra",
    "Unit Tests", "San Francisco", "Windows Server", "Machine Learning", "Open Source", "Red Hat", "Internet Explorer",
    "Fast Fourier Transform", "Hello World", "Data Frame", "Google Chrome", "Table Of Contents", "Event Loop",
    "Union Find", "Public Domain", "User Guide", "Release Notes", "Stack Overflow", "Raspberry Pi", "Von Neumann",
    "Gauss Seidel", "Command Line", "Content Type", "Key Error", "Type Error", "Not Found", "Bad Request",
)  # fmt: skip
"""Words in capitals that are nobody."""
