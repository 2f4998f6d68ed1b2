" A client for `midstream lsp` with what Vim 9 has built in: an LSP channel and virtual text.

let s:DEBOUNCE_MS = 40
let s:job = v:null
let s:ready = 0
let s:opened = {}   " buffer number to the changedtick that the server has
let s:ghost = {}    " of the suggestion that is shown: its whole text, command and place, and shown, what is left of it
let s:request = 0   " id of the one that is under way
let s:timer = 0

function! s:root() abort
  let git = finddir('.git', expand('%:p:h') . ';')
  return git ==# '' ? expand('%:p:h') : fnamemodify(git, ':p:h:h')
endfunction

function! s:uri(path) abort
  let path = substitute(a:path, '[^A-Za-z0-9/._~-]', '\=s:escaped(submatch(0))', 'g')
  return 'file://' . path
endfunction

function! s:escaped(character) abort
  return join(map(range(strlen(a:character)), {_, i -> printf('%%%02X', char2nr(a:character[i]) % 256)}), '')
endfunction

function! s:start() abort
  let command = get(g:, 'midstream_command', ['midstream', 'lsp'])
  let s:ready = 0
  let s:job = job_start(command, #{in_mode: 'lsp', out_mode: 'lsp', err_io: 'null', noblock: 1,
        \ callback: function('s:told'), exit_cb: {-> s:ended()}})
  if job_status(s:job) !=# 'run'
    return
  endif
  let capabilities = #{textDocument: #{inlineCompletion: #{dynamicRegistration: v:false}},
        \ general: #{positionEncodings: ['utf-8']}}
  let params = #{processId: getpid(), rootUri: s:uri(s:root()), capabilities: capabilities}
  call ch_sendexpr(s:job, #{method: 'initialize', params: params}, #{callback: function('s:initialized')})
endfunction

function! s:initialized(channel, answer) abort
  let s:ready = 1
  call s:notify('initialized', {})
  call midstream#moved()
endfunction

function! s:ended() abort
  let [s:ready, s:opened] = [0, {}]
endfunction

" Messages that the server sends by itself.
function! s:told(channel, message) abort
  if get(a:message, 'method', '') ==# 'window/showMessage'
    echomsg a:message.params.message
  endif
endfunction

function! s:notify(method, params) abort
  call ch_sendexpr(s:job, #{method: a:method, params: a:params})
endfunction

function! s:document() abort
  return #{uri: s:uri(expand('%:p')), version: b:changedtick}
endfunction

" Tells the server the buffer's text, when it does not have it.
function! s:synchronise() abort
  let known = get(s:opened, bufnr(), -1)
  if known == b:changedtick
    return
  endif
  let text = join(getline(1, '$'), "\n") . "\n"
  if known < 0
    let document = extend(s:document(), #{languageId: &filetype, text: text})
    call s:notify('textDocument/didOpen', #{textDocument: document})
  else
    call s:notify('textDocument/didChange', #{textDocument: s:document(), contentChanges: [#{text: text}]})
  endif
  let s:opened[bufnr()] = b:changedtick
endfunction

function! s:wanted() abort
  return &buftype ==# '' && expand('%') !=# '' &&
        \ index(get(g:, 'midstream_filetypes', [&filetype]), &filetype) >= 0
endfunction

function! midstream#moved() abort
  if !s:wanted() || mode() !=# 'i' && v:insertmode ==# ''
    return
  endif
  if !s:typed_along()
    call s:clear()
  endif
  call timer_stop(s:timer)
  let s:timer = timer_start(s:DEBOUNCE_MS, {-> s:ask()})
endfunction

function! midstream#left() abort
  call timer_stop(s:timer)
  call s:cancel()
  call s:clear()
endfunction

function! midstream#closed(buffer) abort
  if has_key(s:opened, a:buffer)
    call remove(s:opened, a:buffer)
    if s:ready
      let uri = s:uri(fnamemodify(bufname(a:buffer), ':p'))
      call s:notify('textDocument/didClose', #{textDocument: #{uri: uri}})
    endif
  endif
endfunction

function! s:ask() abort
  if mode() !=# 'i' || pumvisible() || !s:wanted()
    return
  endif
  if s:job is v:null
    return s:start()
  elseif !s:ready
    return
  endif
  call s:cancel()
  call s:synchronise()
  let params = #{textDocument: s:document(), context: #{triggerKind: 2},
        \ position: #{line: line('.') - 1, character: col('.') - 1}}
  let place = [bufnr(), b:changedtick, line('.'), col('.')]
  let sent = ch_sendexpr(s:job, #{method: 'textDocument/inlineCompletion', params: params},
        \ #{callback: {_, answer -> s:answered(place, answer)}})
  let s:request = get(sent, 'id', 0)
endfunction

function! s:cancel() abort
  if s:request && s:ready
    call s:notify('$/cancelRequest', #{id: s:request})
  endif
  let s:request = 0
endfunction

function! s:answered(place, answer) abort
  if mode() !=# 'i' || a:place != [bufnr(), b:changedtick, line('.'), col('.')]
    return
  endif
  let s:request = 0
  let result = get(a:answer, 'result', v:null)
  let items = type(result) == v:t_dict ? result.items : []
  call s:clear()
  if !empty(items)
    let [item, place] = [items[0], midstream#along#place()]
    call s:show(#{text: item.insertText, command: get(item, 'command', {}), place: place}, item.insertText)
  endif
endfunction

" Draws `rest`, what is left of the ghost, at the cursor.
function! s:show(ghost, rest) abort
  call s:clear()
  let s:ghost = extend(a:ghost, #{shown: a:rest})
  if empty(prop_type_get('MidstreamGhost'))
    call prop_type_add('MidstreamGhost', #{highlight: 'MidstreamGhost'})
  endif
  let lines = split(substitute(a:rest, "\t", repeat(' ', &tabstop), 'g'), "\n", 1)
  if lines[0] !=# ''
    call prop_add(line('.'), col('.'), #{type: 'MidstreamGhost', text: lines[0]})
  endif
  for line in lines[1:]
    call prop_add(line('.'), 0, #{type: 'MidstreamGhost', text: line ==# '' ? ' ' : line, text_align: 'below'})
  endfor
endfunction

function! s:clear() abort
  if !empty(s:ghost)
    call prop_remove(#{type: 'MidstreamGhost', bufnr: s:ghost.place.buffer, all: v:true})
    let s:ghost = {}
  endif
endfunction

" As midstream#along#left_over, of the ghost.
function! s:left_over() abort
  return empty(s:ghost) ? [] : midstream#along#left_over(s:ghost.place, s:ghost.text)
endfunction

" True when what was typed since is the ghost's beginning; what is left of it stays shown.
function! s:typed_along() abort
  let left = s:left_over()
  if empty(left)
    return 0
  endif
  call s:show(s:ghost, left[0])
  return 1
endfunction

" The text that is shown, empty when none is.
function! midstream#shown() abort
  return get(s:ghost, 'shown', '')
endfunction

" Inserts at the cursor what is left of the ghost; presses `otherwise` when nothing is shown or something else was typed.
" For a <Cmd> mapping: an <expr> one is evaluated before the keys that wait in front of it are in the buffer.
function! midstream#accept(otherwise) abort
  let left = s:left_over()
  if empty(left)
    call feedkeys(a:otherwise, 'in')
    return
  endif
  let [s:accepted, doubled] = left
  if s:ready && !empty(s:ghost.command)
    let params = #{command: s:ghost.command.command, arguments: s:ghost.command.arguments}
    call ch_sendexpr(s:job, #{method: 'workspace/executeCommand', params: params}, #{callback: {-> 0}})
  endif
  call s:clear()
  call feedkeys(repeat("\<Del>", doubled) . "\<C-R>\<C-O>=midstream#text()\<CR>", 'in')
endfunction

function! midstream#text() abort
  return s:accepted
endfunction
