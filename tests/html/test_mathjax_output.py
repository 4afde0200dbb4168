"""MathJax output back to MathML and TeX; the outputs are rendered by MathJax 3 and 4, without styles and paths."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.html.mathjax_output import output_tex, output_to_mathml

OUTPUTS = [
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-msubsup>'
        r'<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi><mjx-script>'
        r'<mjx-mn class="mjx-n"><mjx-c class="mjx-c32"></mjx-c></mjx-mn><mjx-mi class="mjx-i">'
        r'<mjx-c class="mjx-c1D456 TEX-I"></mjx-c></mjx-mi></mjx-script></mjx-msubsup></mjx-math></mjx-container>',
        r"x_i^2",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="msubsup"><g data-mml-node="mi"><use data-c="1D465"></use></g>'
        r'<g data-mml-node="mn" transform="translate(605,413) scale(0.707)"><use data-c="32"></use></g>'
        r'<g data-mml-node="mi" transform="translate(605,-247) scale(0.707)"><use data-c="1D456"></use></g></g>'
        r"</g></g></svg></mjx-container>",
        r"x_i^2",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mfrac><mjx-frac><mjx-num>'
        r'<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-mi></mjx-num><mjx-dbox><mjx-dtable>'
        r'<mjx-line></mjx-line><mjx-row><mjx-den><mjx-mrow><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44F TEX-I">'
        r'</mjx-c></mjx-mi><mjx-mo class="mjx-n"><mjx-c class="mjx-c2B"></mjx-c></mjx-mo><mjx-mn class="mjx-n">'
        r'<mjx-c class="mjx-c31"></mjx-c></mjx-mn></mjx-mrow></mjx-den></mjx-row></mjx-dtable></mjx-dbox>'
        r"</mjx-frac></mjx-mfrac></mjx-math></mjx-container>",
        r"\frac{a}{b+1}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mfrac"><g data-mml-node="mi" transform="translate(1031.2,676)"><use data-c="1D44E">'
        r'</use></g><g data-mml-node="mrow" transform="translate(220,-686)"><g data-mml-node="mi">'
        r'<use data-c="1D44F"></use></g><g data-mml-node="mo" transform="translate(651.2,0)"><use data-c="2B">'
        r'</use></g><g data-mml-node="mn" transform="translate(1651.4,0)"><use data-c="31"></use></g></g><rect>'
        r"</rect></g></g></g></svg></mjx-container>",
        r"\frac{a}{b+1}",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mroot><mjx-root>'
        r'<mjx-mn class="mjx-n"><mjx-c class="mjx-c33"></mjx-c></mjx-mn></mjx-root><mjx-sqrt><mjx-surd>'
        r'<mjx-mo class="mjx-n"><mjx-c class="mjx-c221A"></mjx-c></mjx-mo></mjx-surd><mjx-box>'
        r'<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi></mjx-box></mjx-sqrt></mjx-mroot>'
        r"</mjx-math></mjx-container>",
        r"\sqrt[3]{x}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mroot"><g><g data-mml-node="mi" transform="translate(853,0)"><use data-c="1D465">'
        r'</use></g></g><g data-mml-node="mn" transform="translate(261.8,391.8) scale(0.5)"><use data-c="33">'
        r'</use></g><g data-mml-node="mo" transform="translate(0,30.8)"><use data-c="221A"></use></g><rect></rect>'
        r"</g></g></g></svg></mjx-container>",
        r"\sqrt[3]{x}",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-munderover><mjx-over>'
        r'<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D45B TEX-I"></mjx-c></mjx-mi></mjx-over><mjx-box><mjx-munder>'
        r'<mjx-row><mjx-base><mjx-mo class="mjx-lop"><mjx-c class="mjx-c2211 TEX-S2"></mjx-c></mjx-mo></mjx-base>'
        r'</mjx-row><mjx-row><mjx-under><mjx-TeXAtom><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D456 TEX-I">'
        r'</mjx-c></mjx-mi><mjx-mo class="mjx-n"><mjx-c class="mjx-c3D"></mjx-c></mjx-mo><mjx-mn class="mjx-n">'
        r'<mjx-c class="mjx-c31"></mjx-c></mjx-mn></mjx-TeXAtom></mjx-under></mjx-row></mjx-munder></mjx-box>'
        r'</mjx-munderover><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D456 TEX-I"></mjx-c></mjx-mi></mjx-math>'
        r"</mjx-container>",
        r"\sum_{i=1}^n i",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="munderover"><g data-mml-node="mo"><use data-c="2211"></use></g>'
        r'<g data-mml-node="TeXAtom" transform="translate(148.2,-1087.9) scale(0.707)"><g data-mml-node="mi">'
        r'<use data-c="1D456"></use></g><g data-mml-node="mo" transform="translate(345,0)"><use data-c="3D"></use>'
        r'</g><g data-mml-node="mn" transform="translate(1123,0)"><use data-c="31"></use></g></g>'
        r'<g data-mml-node="mi" transform="translate(509.9,1150) scale(0.707)"><use data-c="1D45B"></use></g></g>'
        r'<g data-mml-node="mi" transform="translate(1610.7,0)"><use data-c="1D456"></use></g></g></g></svg>'
        r"</mjx-container>",
        r"\sum_{i=1}^n i",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mstyle>'
        r'<mjx-munderover limits="false"><mjx-mo class="mjx-sop"><mjx-c class="mjx-c2211 TEX-S1"></mjx-c></mjx-mo>'
        r'<mjx-script><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D45B TEX-I"></mjx-c></mjx-mi><mjx-TeXAtom>'
        r'<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D456 TEX-I"></mjx-c></mjx-mi><mjx-mo class="mjx-n">'
        r'<mjx-c class="mjx-c3D"></mjx-c></mjx-mo><mjx-mn class="mjx-n"><mjx-c class="mjx-c31"></mjx-c></mjx-mn>'
        r'</mjx-TeXAtom></mjx-script></mjx-munderover><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D456 TEX-I">'
        r"</mjx-c></mjx-mi></mjx-mstyle></mjx-math></mjx-container>",
        r"\sum_{i=1}^n i",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mstyle"><g data-mml-node="munderover"><g data-mml-node="mo">'
        r'<use data-c="2211" xlink:href="#MJX-5-TEX-SO-2211"></use></g>'
        r'<g data-mml-node="mi" transform="translate(1089,477.1) scale(0.707)"><use data-c="1D45B"></use></g>'
        r'<g data-mml-node="TeXAtom" transform="translate(1089,-285.4) scale(0.707)"><g data-mml-node="mi">'
        r'<use data-c="1D456"></use></g><g data-mml-node="mo" transform="translate(345,0)"><use data-c="3D"></use>'
        r'</g><g data-mml-node="mn" transform="translate(1123,0)"><use data-c="31"></use></g></g></g>'
        r'<g data-mml-node="mi" transform="translate(2453.3,0)"><use data-c="1D456"></use></g></g></g></g></svg>'
        r"</mjx-container>",
        r"\sum_{i=1}^n i",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mrow><mjx-TeXAtom>'
        r'<mjx-mo class="mjx-s3"><mjx-c class="mjx-c28 TEX-S3"></mjx-c></mjx-mo></mjx-TeXAtom><mjx-mfrac>'
        r'<mjx-frac atop="true" delims="true"><mjx-num><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D45B TEX-I">'
        r'</mjx-c></mjx-mi></mjx-num><mjx-den><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D458 TEX-I"></mjx-c>'
        r'</mjx-mi></mjx-den></mjx-frac></mjx-mfrac><mjx-TeXAtom><mjx-mo class="mjx-s3">'
        r'<mjx-c class="mjx-c29 TEX-S3"></mjx-c></mjx-mo></mjx-TeXAtom></mjx-mrow></mjx-math></mjx-container>',
        r"\binom{n}{k}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mrow"><g data-mml-node="TeXAtom"><g data-mml-node="mo" transform="translate(0 -0.5)">'
        r'<use data-c="28" xlink:href="#MJX-6-TEX-S3-28"></use></g></g>'
        r'<g data-mml-node="mfrac" transform="translate(736,0)">'
        r'<g data-mml-node="mi" transform="translate(0,676)"><use data-c="1D45B"></use></g>'
        r'<g data-mml-node="mi" transform="translate(39.5,-686)"><use data-c="1D458"></use></g></g>'
        r'<g data-mml-node="TeXAtom" transform="translate(1336,0)">'
        r'<g data-mml-node="mo" transform="translate(0 -0.5)"><use data-c="29" xlink:href="#MJX-6-TEX-S3-29">'
        r"</use></g></g></g></g></g></svg></mjx-container>",
        r"\binom{n}{k}",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mrow><mjx-mo class="mjx-n">'
        r'<mjx-stretchy-v class="mjx-c28"><mjx-beg><mjx-c></mjx-c></mjx-beg><mjx-ext><mjx-c></mjx-c></mjx-ext>'
        r"<mjx-end><mjx-c></mjx-c></mjx-end></mjx-stretchy-v></mjx-mo><mjx-mtable><mjx-table><mjx-itable><mjx-mtr>"
        r'<mjx-mtd><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-mi></mjx-mtd></mjx-mtr>'
        r'<mjx-mtr><mjx-mtd><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44F TEX-I"></mjx-c></mjx-mi></mjx-mtd>'
        r'</mjx-mtr><mjx-mtr><mjx-mtd><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D450 TEX-I"></mjx-c></mjx-mi>'
        r'</mjx-mtd></mjx-mtr><mjx-mtr><mjx-mtd><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D451 TEX-I"></mjx-c>'
        r'</mjx-mi></mjx-mtd></mjx-mtr><mjx-mtr><mjx-mtd><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D452 TEX-I">'
        r'</mjx-c></mjx-mi></mjx-mtd></mjx-mtr></mjx-itable></mjx-table></mjx-mtable><mjx-mo class="mjx-n">'
        r'<mjx-stretchy-v class="mjx-c29"><mjx-beg><mjx-c></mjx-c></mjx-beg><mjx-ext><mjx-c></mjx-c></mjx-ext>'
        r"<mjx-end><mjx-c></mjx-c></mjx-end></mjx-stretchy-v></mjx-mo></mjx-mrow></mjx-math></mjx-container>",
        r"\begin{pmatrix} a \\ b \\ c \\ d \\ e \end{pmatrix}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mrow"><g data-mml-node="mo">'
        r'<use data-c="239B" xlink:href="#MJX-7-TEX-S4-239B" transform="translate(0,2396)"></use>'
        r'<use data-c="239D" xlink:href="#MJX-7-TEX-S4-239D" transform="translate(0,-2406)"></use><svg>'
        r'<use data-c="239C" xlink:href="#MJX-7-TEX-S4-239C" transform="scale(1,7.698)"></use></svg></g>'
        r'<g data-mml-node="mtable" transform="translate(875,0)">'
        r'<g data-mml-node="mtr" transform="translate(0,2800)"><g data-mml-node="mtd"><g data-mml-node="mi">'
        r'<use data-c="1D44E"></use></g></g></g><g data-mml-node="mtr" transform="translate(0,1400)">'
        r'<g data-mml-node="mtd" transform="translate(50,0)"><g data-mml-node="mi"><use data-c="1D44F"></use></g>'
        r'</g></g><g data-mml-node="mtr" transform="translate(0,0)">'
        r'<g data-mml-node="mtd" transform="translate(48,0)"><g data-mml-node="mi"><use data-c="1D450"></use></g>'
        r'</g></g><g data-mml-node="mtr" transform="translate(0,-1400)">'
        r'<g data-mml-node="mtd" transform="translate(4.5,0)"><g data-mml-node="mi"><use data-c="1D451"></use></g>'
        r'</g></g><g data-mml-node="mtr" transform="translate(0,-2800)">'
        r'<g data-mml-node="mtd" transform="translate(31.5,0)"><g data-mml-node="mi"><use data-c="1D452"></use>'
        r'</g></g></g></g><g data-mml-node="mo" transform="translate(1404,0)">'
        r'<use data-c="239E" xlink:href="#MJX-7-TEX-S4-239E" transform="translate(0,2396)"></use>'
        r'<use data-c="23A0" xlink:href="#MJX-7-TEX-S4-23A0" transform="translate(0,-2406)"></use><svg>'
        r'<use data-c="239F" xlink:href="#MJX-7-TEX-S4-239F" transform="scale(1,7.698)"></use></svg></g></g></g>'
        r"</g></svg></mjx-container>",
        r"\begin{pmatrix} a \\ b \\ c \\ d \\ e \end{pmatrix}",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-munder><mjx-row><mjx-base>'
        r'<mjx-mo class="mjx-n"><mjx-c class="mjx-c6C"></mjx-c><mjx-c class="mjx-c69"></mjx-c>'
        r'<mjx-c class="mjx-c6D"></mjx-c></mjx-mo></mjx-base></mjx-row><mjx-row><mjx-under><mjx-TeXAtom>'
        r'<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi><mjx-mo class="mjx-n">'
        r'<mjx-c class="mjx-c2192"></mjx-c></mjx-mo><mjx-mn class="mjx-n"><mjx-c class="mjx-c30"></mjx-c></mjx-mn>'
        r'</mjx-TeXAtom></mjx-under></mjx-row></mjx-munder><mjx-mi class="mjx-n"><mjx-c class="mjx-c73"></mjx-c>'
        r'<mjx-c class="mjx-c69"></mjx-c><mjx-c class="mjx-c6E"></mjx-c></mjx-mi><mjx-mo class="mjx-n">'
        r'<mjx-c class="mjx-c2061"></mjx-c></mjx-mo><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D465 TEX-I"></mjx-c>'
        r"</mjx-mi></mjx-math></mjx-container>",
        r"\lim_{x \to 0} \sin x",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="munder"><g data-mml-node="mo" transform="translate(38.1,0)"><use data-c="6C"></use>'
        r'<use data-c="69" transform="translate(278,0)"></use><use data-c="6D" transform="translate(556,0)"></use>'
        r'</g><g data-mml-node="TeXAtom" transform="translate(0,-637.9) scale(0.707)"><g data-mml-node="mi">'
        r'<use data-c="1D465"></use></g><g data-mml-node="mo" transform="translate(572,0)"><use data-c="2192">'
        r'</use></g><g data-mml-node="mn" transform="translate(1572,0)"><use data-c="30"></use></g></g></g>'
        r'<g data-mml-node="mi" transform="translate(1631.8,0)"><use data-c="73"></use>'
        r'<use data-c="69" transform="translate(394,0)"></use><use data-c="6E" transform="translate(672,0)"></use>'
        r'</g><g data-mml-node="mo" transform="translate(2859.8,0)"><use data-c="2061"></use></g>'
        r'<g data-mml-node="mi" transform="translate(3026.5,0)"><use data-c="1D465"></use></g></g></g></svg>'
        r"</mjx-container>",
        r"\lim_{x \to 0} \sin x",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-TeXAtom>'
        r'<mjx-mi class="mjx-cal mjx-i"><mjx-c class="mjx-c41 TEX-C"></mjx-c></mjx-mi></mjx-TeXAtom>'
        r'<mjx-mo class="mjx-n"><mjx-c class="mjx-c2264"></mjx-c></mjx-mo><mjx-mi class="mjx-b mjx-i">'
        r'<mjx-c class="mjx-c1D483 TEX-BI"></mjx-c></mjx-mi></mjx-math></mjx-container>',
        r"\mathcal{A} \leq \boldsymbol{b}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="TeXAtom"><g data-mml-node="mi"><use data-c="41" xlink:href="#MJX-9-TEX-C-41"></use>'
        r'</g></g><g data-mml-node="mo" transform="translate(1096.8,0)"><use data-c="2264"></use></g>'
        r'<g data-mml-node="mi" transform="translate(2152.6,0)"><use data-c="1D483"></use></g></g></g></svg>'
        r"</mjx-container>",
        r"\mathcal{A} \leq \boldsymbol{b}",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-msub><mjx-mrow>'
        r'<mjx-mo class="mjx-n"></mjx-mo><mjx-mfrac><mjx-frac><mjx-num><mjx-mi class="mjx-i">'
        r'<mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-mi></mjx-num><mjx-dbox><mjx-dtable><mjx-line></mjx-line>'
        r'<mjx-row><mjx-den><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44F TEX-I"></mjx-c></mjx-mi></mjx-den>'
        r'</mjx-row></mjx-dtable></mjx-dbox></mjx-frac></mjx-mfrac><mjx-mo class="mjx-n">'
        r'<mjx-stretchy-v class="mjx-c7C"><mjx-ext><mjx-c></mjx-c></mjx-ext></mjx-stretchy-v></mjx-mo></mjx-mrow>'
        r'<mjx-script><mjx-mn class="mjx-n"><mjx-c class="mjx-c30"></mjx-c></mjx-mn></mjx-script></mjx-msub>'
        r"</mjx-math></mjx-container>",
        r"\left. \frac{a}{b} \right|_0",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="msub"><g data-mml-node="mrow"><g data-mml-node="mo" transform="translate(0 250)"></g>'
        r'<g data-mml-node="mfrac"><g data-mml-node="mi" transform="translate(220,676)"><use data-c="1D44E"></use>'
        r'</g><g data-mml-node="mi" transform="translate(270,-686)"><use data-c="1D44F"></use></g><rect></rect>'
        r'</g><g data-mml-node="mo" transform="translate(969,0)"><svg>'
        r'<use data-c="2223" xlink:href="#MJX-10-TEX-S4-2223" transform="scale(1,2.844)"></use></svg></g></g>'
        r'<g data-mml-node="mn" transform="translate(1335,-732.4) scale(0.707)"><use data-c="30"></use></g></g>'
        r"</g></g></svg></mjx-container>",
        r"\left. \frac{a}{b} \right|_0",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mover><mjx-over>'
        r'<mjx-mo class="mjx-n"><mjx-stretchy-h class="mjx-c2013"><mjx-ext><mjx-c></mjx-c></mjx-ext>'
        r'</mjx-stretchy-h></mjx-mo></mjx-over><mjx-base><mjx-mrow><mjx-mi class="mjx-i">'
        r'<mjx-c class="mjx-c1D44E TEX-I"></mjx-c></mjx-mi><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D44F TEX-I">'
        r"</mjx-c></mjx-mi></mjx-mrow></mjx-base></mjx-mover></mjx-math></mjx-container>",
        r"\overline{ab}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mover"><g data-mml-node="mrow"><g data-mml-node="mi"><use data-c="1D44E"></use></g>'
        r'<g data-mml-node="mi" transform="translate(529,0)"><use data-c="1D44F"></use></g></g>'
        r'<g data-mml-node="mo" transform="translate(0,626)"><svg>'
        r'<use data-c="2013" xlink:href="#MJX-11-TEX-S4-2013" transform="scale(2.874,1)"></use></svg></g></g></g>'
        r"</g></svg></mjx-container>",
        r"\overline{ab}",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math class=" MJX-TEX"><mjx-mtext class="mjx-n">'
        r'<mjx-c class="mjx-c69"></mjx-c><mjx-c class="mjx-c66"></mjx-c><mjx-c class="mjx-cA0"></mjx-c>'
        r'</mjx-mtext><mjx-mi class="mjx-i"><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi></mjx-math>'
        r"</mjx-container>",
        r"\text{if }x",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)"><g data-mml-node="math">'
        r'<g data-mml-node="mtext"><use data-c="69"></use><use data-c="66" transform="translate(278,0)"></use>'
        r'<use data-c="A0" transform="translate(584,0)"></use></g>'
        r'<g data-mml-node="mi" transform="translate(834,0)"><use data-c="1D465"></use></g></g></g></svg>'
        r"</mjx-container>",
        r"\text{if }x",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math data-latex="x^2+1" class="NCM-N">'
        r'<mjx-msup data-latex="x^2"><mjx-mi data-latex="x"><mjx-c class="mjx-c1D465">𝑥</mjx-c></mjx-mi>'
        r'<mjx-script><mjx-mn data-latex="2"><mjx-c class="mjx-c32">2</mjx-c></mjx-mn></mjx-script></mjx-msup>'
        r'<mjx-mo data-latex="+"><mjx-c class="mjx-c2B">+</mjx-c></mjx-mo><mjx-mn data-latex="1">'
        r'<mjx-c class="mjx-c31">1</mjx-c></mjx-mn></mjx-math></mjx-container>',
        r"x^2+1",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)">'
        r'<g data-mml-node="math" data-latex="x^2+1"><g data-mml-node="msup" data-latex="x^2">'
        r'<g data-mml-node="mi" data-latex="x"><use data-c="1D465" xlink:href="#MJX-1-NCM-I-1D465"></use></g>'
        r'<g data-mml-node="mn" transform="translate(605,413) scale(0.707)" data-latex="2">'
        r'<use data-c="32" xlink:href="#MJX-1-NCM-N-32"></use></g></g>'
        r'<g data-mml-node="mo" data-latex="+" transform="translate(1230.8,0)">'
        r'<use data-c="2B" xlink:href="#MJX-1-NCM-N-2B"></use></g>'
        r'<g data-mml-node="mn" data-latex="1" transform="translate(2231,0)">'
        r'<use data-c="31" xlink:href="#MJX-1-NCM-N-31"></use></g></g></g></svg></mjx-container>',
        r"x^2+1",
    ),
    (
        r'<mjx-container class="MathJax" jax="CHTML"><mjx-math data-latex="\frac{a}{b}" class="NCM-N">'
        r'<mjx-mfrac data-latex="\frac{a}{b}"><mjx-frac><mjx-num><mjx-mi data-latex="a"><mjx-c class="mjx-c1D44E">'
        r"𝑎</mjx-c></mjx-mi></mjx-num><mjx-dbox><mjx-dtable><mjx-line></mjx-line><mjx-row><mjx-den>"
        r'<mjx-mi data-latex="b"><mjx-c class="mjx-c1D44F">𝑏</mjx-c></mjx-mi></mjx-den></mjx-row></mjx-dtable>'
        r"</mjx-dbox></mjx-frac></mjx-mfrac></mjx-math></mjx-container>",
        r"\frac{a}{b}",
    ),
    (
        r'<mjx-container class="MathJax" jax="SVG"><svg><g transform="scale(1,-1)">'
        r'<g data-mml-node="math" data-latex="\frac{a}{b}"><g data-mml-node="mfrac" data-latex="\frac{a}{b}">'
        r'<g data-mml-node="mi" data-latex="a" transform="translate(220,676)">'
        r'<use data-c="1D44E" xlink:href="#MJX-2-NCM-I-1D44E"></use></g>'
        r'<g data-mml-node="mi" data-latex="b" transform="translate(270,-686)">'
        r'<use data-c="1D44F" xlink:href="#MJX-2-NCM-I-1D44F"></use></g><rect></rect></g></g></g></svg>'
        r"</mjx-container>",
        r"\frac{a}{b}",
    ),
]


@pytest.mark.parametrize(("source", "tex"), OUTPUTS)
def test_outputs(source, tex):
    assert output_tex(source).replace(" ", "") == tex.replace(" ", "")


C = "<mjx-math>{}</mjx-math>"
X = '<mjx-mi class="mjx-i"><mjx-c class="mjx-c1D465 TEX-I"></mjx-c></mjx-mi>'
TWO = '<mjx-mn class="mjx-n"><mjx-c class="mjx-c32"></mjx-c></mjx-mn>'
S = '<svg><g data-mml-node="math">{}</g></svg>'
MATHML = {
    C.format(X): "<mi>𝑥</mi>",
    C.format('<mjx-mi><mjx-c class="mjx-c64"></mjx-c></mjx-mi>'): '<mi mathvariant="normal">d</mi>',
    C.format(
        f"<mjx-msub>{X}<mjx-script>{TWO}</mjx-script></mjx-msub>"
    ): "<msub><mrow><mi>𝑥</mi></mrow><mn>2</mn></msub>",
    C.format(f"<mjx-msubsup>{X}<mjx-script>{TWO}<mjx-spacer></mjx-spacer>{X}</mjx-script></mjx-msubsup>"): (
        "<msubsup><mrow><mi>𝑥</mi></mrow><mi>𝑥</mi><mn>2</mn></msubsup>"
    ),
    C.format(f"<mjx-mfrac><mjx-num>{X}</mjx-num><mjx-line></mjx-line><mjx-den>{TWO}</mjx-den></mjx-mfrac>"): (
        "<mfrac><mrow><mi>𝑥</mi></mrow><mrow><mn>2</mn></mrow></mfrac>"
    ),
    C.format('<mjx-mo><mjx-stretchy-v class="mjx-c7B"><mjx-beg><mjx-c></mjx-c></mjx-beg></mjx-stretchy-v></mjx-mo>'): (
        "<mo>{</mo>"
    ),
    C.format("<mjx-mtext><mjx-utext>a&lt;中</mjx-utext></mjx-mtext>"): "<mtext>a&lt;中</mtext>",
    C.format(f"<mjx-msqrt><mjx-surd><mjx-mo>√</mjx-mo></mjx-surd><mjx-box>{X}</mjx-box></mjx-msqrt>"): (
        "<msqrt><mrow><mi>𝑥</mi></mrow></msqrt>"
    ),
    S.format('<g data-mml-node="mo"><path data-c="23A1"/><svg><path data-c="23A2"/></svg></g>'): "<mo>⌈</mo>",
    S.format('<g data-mml-node="mo"><path data-c="23A1"/><path data-c="23A3"/><svg><path data-c="23A2"/></svg></g>'): (
        "<mo>[</mo>"
    ),
    S.format('<g data-mml-node="mo"><svg><use data-c="2223"></use></svg></g>'): "<mo>|</mo>",
    C.format("<mjx-merror>x"): "<mrow></mrow>",
    C.format(f"{X}</mjx-mrow></mjx-nothing>"): "<mi>𝑥</mi>",
}


@pytest.mark.parametrize("source", MATHML)
def test_mathml(source):
    math = output_to_mathml(source)
    assert math in (f"<math>{MATHML[source]}</math>", f"<math><mrow>{MATHML[source]}</mrow></math>")


def test_assistive_mathml_comes_first():
    source = (
        f"<mjx-container>{C.format(X)}<mjx-assistive-mml><math><mi>y</mi></math></mjx-assistive-mml></mjx-container>"
    )
    assert output_to_mathml(source) == "<math><mi>y</mi></math>"
    assert output_tex(source) == "y"


KEPT = {
    '<mjx-math data-latex="x &lt; y"><mjx-mi>z</mjx-mi></mjx-math>': "x < y",
    '<mjx-math><mjx-mstyle data-latex="\\alpha^2"></mjx-mstyle></mjx-math>': r"\alpha^2",
    '<mjx-math><mjx-mi data-latex="a"></mjx-mi><mjx-mo data-latex="+"></mjx-mo></mjx-math>': "a +",
    '<span class="MathJax" data-mathml="&lt;math&gt;&lt;mi&gt;q&lt;/mi&gt;&lt;/math&gt;"></span>': "q",
    '<svg aria-label="\\sqrt{x}"><g data-mml-node="math"></g></svg>': r"\sqrt{x}",
    f'<svg aria-label="square root of x_1"><g>{C.format(X)}</g></svg>': "x",
}


@pytest.mark.parametrize("source", KEPT)
def test_kept_sources(source):
    assert output_tex(source) == KEPT[source]


@pytest.mark.parametrize("source", ["", "x", "<p>mjx-math</p>", '<span aria-label="close the menu"></span>'])
def test_no_output(source):
    assert output_tex(source) is None
    assert output_to_mathml(source) is None


@pytest.mark.parametrize(
    "source",
    [
        "<mjx-math>" + "<mjx-msup>" * 100_000,
        "<mjx-math>" + "<mjx-mrow>" * 20_000 + X + "</mjx-mrow>" * 20_000,
        "<mjx-math>" + "<mjx-munderover><mjx-over>" * 20_000,
        "<g data-mml-node='mo'>" + "<svg>" * 100_000,
        "<mjx-math>" + "</mjx-mi>" * 100_000,
        "<mjx-math>" + X * 5_000,
        "<mjx-math " + "a" * 500_000,
        "<mjx-math><a '\"" * 50_000,
        "<mjx-math><math>" * 50_000,
    ],
    ids=range(9),
)
def test_large_and_deep(source):
    output_tex(source)
    output_to_mathml(source)


TAGS = """math mrow mi mo mfrac num den line msubsup script munderover over under base box munder msqrt mroot root surd
mtable mtr mtd menclose"""
PIECES = [
    *(f"<mjx-{name}>" for name in TAGS.split()),
    *(f"</mjx-{name}>" for name in TAGS.split()),
    *("<svg>", "</svg>", "<g>", "</g>"),
    *(
        f'<g data-mml-node="{name}" transform="translate(1,-2.5.1)">'
        for name in ("math", "mo", "mi", "msup", "mroot", "mtable")
    ),
    X,
    TWO,
    '<use data-c="221A"/>',
    '<path data-c="FFFFFF">',
    '<mjx-c class="mjx-cD800">',
    "a",
    "<",
    '"',
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=50).map("".join) | st.text())
def test_never_raises(source):
    math = output_to_mathml(source)
    assert math is None or math.count("<mrow>") == math.count("</mrow>")
    tex = output_tex("<mjx-math>" + source)
    assert tex is None or _depth(tex) == 0


def _depth(tex: str) -> int:
    tex = tex.replace("\\\\", "").replace("\\{", "").replace("\\}", "")
    return tex.count("{") - tex.count("}")
