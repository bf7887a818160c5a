// The code editor, loaded when a page first needs one.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { json, jsonParseLinter } from "@codemirror/lang-json";
import { python } from "@codemirror/lang-python";
import {
  bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, linter, lintKeymap } from "@codemirror/lint";
import { EditorState, Transaction } from "@codemirror/state";
import { tags } from "@lezer/highlight";
import { drawSelection, EditorView, highlightActiveLine, highlightSpecialChars, keymap, lineNumbers } from "@codemirror/view";

const languages = { json: () => [json(), linter(jsonParseLinter())], javascript, python };

// Custom properties reach through the shadow root, so the colours follow the theme of the page.
const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "var(--accent)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], color: "var(--run)" },
  { tag: [tags.propertyName, tags.function(tags.variableName), tags.definition(tags.variableName)], color: "var(--ink)" },
  { tag: tags.comment, color: "var(--ink-2)", fontStyle: "italic" },
]);
const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "transparent", fontSize: "12.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", maxHeight: "480px", overflow: "auto" },
  ".cm-content": { padding: "8px 0", minHeight: "96px", caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--ink-2)", border: "0" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "color-mix(in oklab, var(--raise), transparent 40%)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--accent-wash)" },
  ".cm-matchingBracket": { backgroundColor: "var(--raise)", outline: "1px solid var(--line-strong)" },
  ".cm-foldPlaceholder": { backgroundColor: "var(--raise)", border: "0", color: "var(--ink-2)" },
  ".cm-tooltip": { backgroundColor: "var(--surface)", color: "var(--ink)", border: "1px solid var(--line)" },
});

// Chromium types in the style of what stood there before, by an inline style, which the policy refuses: so what is typed
// is inserted here, by the same handlers, where the browser would: the editor's own selection follows the page's a turn
// later. A composition is the browser's own.
const typing = EditorView.domEventHandlers({
  beforeinput(event, view) {
    if (event.inputType !== "insertText" || !event.data || event.isComposing || view.composing) return false;
    event.preventDefault();
    // `getTargetRanges` is empty below a shadow root.
    const range = getSelection().getComposedRanges?.({ shadowRoots: [view.root] })[0];
    if (range && view.contentDOM.contains(range.startContainer) && view.contentDOM.contains(range.endContainer)) {
      const anchor = view.posAtDOM(range.startContainer, range.startOffset);
      const head = view.posAtDOM(range.endContainer, range.endOffset);
      const { from, to } = view.state.selection.main;
      if (from !== anchor || to !== head) view.dispatch({ selection: { anchor, head } });
    }
    const { from, to } = view.state.selection.main;
    const insert = () =>
      view.state.update(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    const handlers = view.state.facet(EditorView.inputHandler);
    if (!handlers.some((handle) => handle(view, from, to, event.data, insert))) view.dispatch(insert());
    return true;
  },
});

const setup = [
  theme, typing,
  lineNumbers(), foldGutter(), lintGutter(), highlightSpecialChars(), highlightActiveLine(), drawSelection(),
  history(), indentOnInput(), bracketMatching(), closeBrackets(), autocompletion(),
  syntaxHighlighting(colours),
  keymap.of([
    ...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap, ...foldKeymap, ...completionKeymap, ...lintKeymap,
  ]),
];

/**
 * Puts an editor into `parent`, below a shadow root: only there does it style itself by constructed sheets, which
 * the content security policy allows; `change` gets the whole text after each edit. Escape, then Tab, leaves it.
 * In a form that is locked it can be read and copied, not changed.
 */
export function mount(parent, text, language, label, change) {
  const locked = () => parent.closest("fieldset:disabled") !== null;
  const byUser = (change) => change.docChanged && change.annotation(Transaction.userEvent);
  const extensions = [
    setup,
    languages[language]?.() ?? [],
    EditorView.contentAttributes.of(() => ({ "aria-label": label, "aria-readonly": String(locked()) })),
    EditorState.transactionFilter.of((change) => (byUser(change) && locked() ? [] : change)),
    EditorView.lineWrapping,
    EditorView.updateListener.of((update) => update.docChanged && change(update.state.doc.toString())),
  ];
  const root = parent.shadowRoot ?? parent.attachShadow({ mode: "open" });
  return new EditorView({ parent: root, root, state: EditorState.create({ doc: text, extensions }) });
}

/** Replaces the text, where it differs. */
export function setText(view, text) {
  const now = view.state.doc.toString();
  if (now !== text) view.dispatch({ changes: { from: 0, to: now.length, insert: text } });
}

export function destroy(view) {
  view.destroy();
}
