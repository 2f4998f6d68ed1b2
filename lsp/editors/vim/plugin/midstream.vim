" Midstream in Vim 9: ghost text from `midstream lsp`; <Tab> accepts it.
" g:midstream_command: the command as a list. g:midstream_filetypes: a list, all when it is missing.
" g:midstream_no_map: define it to map <Plug>(midstream-accept) yourself.

if exists('g:loaded_midstream') || !has('channel') || !has('patch-9.0.0908')
  finish
endif
let g:loaded_midstream = 1

highlight default link MidstreamGhost Comment

augroup midstream
  autocmd!
  autocmd InsertEnter,TextChangedI,CursorMovedI * call midstream#moved()
  autocmd InsertLeave,BufLeave * call midstream#left()
  autocmd BufUnload * call midstream#closed(str2nr(expand('<abuf>')))
augroup END

inoremap <silent> <Plug>(midstream-accept) <Cmd>call midstream#accept("\<lt>Tab>")<CR>
if !exists('g:midstream_no_map') && maparg('<Tab>', 'i') ==# ''
  imap <Tab> <Plug>(midstream-accept)
endif
